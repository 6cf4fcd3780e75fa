"""Many clients at the same moment; run on the SQLite file and on PostgreSQL."""

import pytest

from mfa import challenges, refusals
from mfa.models import Challenge, Intent, Purpose
from prescriptions import content
from prescriptions.models import Prescription, SignedRecord, Status, Transmission
from prescriptions.signing import ceremony
from prescriptions.writing import drafts
from tests.factories import PASSWORD, code_of
from tests.prescriptions.factories import SESSION, make_ready, prove
from tests.threads import at_once

pytestmark = [
    pytest.mark.race,
    pytest.mark.django_db(transaction=True),
    pytest.mark.both_databases,
]
CLIENTS = 8


@pytest.mark.cfr("1311.120(b)(11)")
@pytest.mark.parametrize("attempt", range(5))
def test_one_challenge_signs_once(alice, ready, phone, attempt):
    challenge = prove([ready], phone)

    results = at_once(
        lambda _: ceremony.sign(
            [ready], by=alice, challenge=challenge, session_key=SESSION
        ),
        times=CLIENTS,
    )

    signed = [one for one in results if isinstance(one, list)]
    refused = [
        one
        for one in results
        if isinstance(one, ceremony.NotSignable | refusals.NotProven)
    ]
    assert (len(signed), len(refused)) == (1, CLIENTS - 1)
    assert SignedRecord.objects.count() == Transmission.objects.count() == 1


def test_one_code_posted_from_many_clients_signs_one_of_two(alice, ready, phone):
    """Adversarial case D: the same code, in parallel, for different prescriptions."""
    both = [ready, make_ready(alice.provider, patient=ready.patient)]
    code = code_of(phone)

    def prove_and_sign(number):
        mine = [both[number % 2]]
        challenge = challenges.prove(
            Intent(alice, Purpose.SIGN, content.payload_digest(mine), SESSION),
            device=phone,
            password=PASSWORD,
            code=code,
        )
        return ceremony.sign(mine, by=alice, challenge=challenge, session_key=SESSION)

    results = at_once(prove_and_sign, times=CLIENTS)

    assert sum(isinstance(one, list) for one in results) == 1
    assert SignedRecord.objects.count() == 1
    assert Challenge.objects.filter(purpose=Purpose.SIGN, state="consumed").count() == 1


@pytest.mark.cfr("1311.120(b)(10)")
def test_an_edit_and_a_signature_do_not_mix(alice, ready, phone):
    challenge = prove([ready], phone)
    edited = Prescription.objects.get(pk=ready.pk)
    edited.quantity = 7
    acts = [
        lambda: ceremony.sign(
            [ready], by=alice, challenge=challenge, session_key=SESSION
        ),
        lambda: drafts.alter(edited, by=alice),
    ]

    at_once(lambda number: acts[number](), times=2)

    ready.refresh_from_db()
    signed = SignedRecord.objects.filter(prescription=ready).exists()
    assert (ready.status, ready.quantity, signed) in [
        (Status.QUEUED, 30, True),
        (Status.DRAFT, 7, False),
    ]


def test_discarding_and_signing_do_not_mix(alice, ready, phone):
    """Adversarial case I07."""
    challenge = prove([ready], phone)
    acts = [
        lambda: ceremony.sign(
            [ready], by=alice, challenge=challenge, session_key=SESSION
        ),
        lambda: drafts.discard(ready, by=alice),
    ]

    at_once(lambda number: acts[number](), times=2)

    ready.refresh_from_db()
    signed = SignedRecord.objects.filter(prescription=ready).exists()
    assert (ready.status, signed) in [
        (Status.QUEUED, True),
        (Status.DISCARDED, False),
    ]
