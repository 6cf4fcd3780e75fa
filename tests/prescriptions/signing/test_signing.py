"""Ready and sign, called the way a page, an API or a shell would."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from audit.acts import Act
from audit.models import Event
from mfa.models import Challenge, ChallengeState, Purpose
from prescriptions import content, signer
from prescriptions.models import SignedRecord, SigningKey, Status, Transmission
from prescriptions.signing import ceremony
from tests.factories import make_device, make_provider
from tests.prescriptions.factories import (
    SESSION,
    make_draft,
    make_drug,
    make_patient,
    make_ready,
    prove,
    sign,
)
from tests.prescriptions.signing.refusals import refused

pytestmark = pytest.mark.django_db


@pytest.mark.both_databases
@pytest.mark.cfr("1311.120(b)(15)")
@pytest.mark.cfr("1311.120(b)(14)")
@pytest.mark.cfr("1311.140(a)(6)")
@pytest.mark.cfr("1311.170(a)")
def test_signing_archives_a_signed_record_and_queues(ready, phone):
    record = sign(ready, phone)

    assert ready.status == Status.QUEUED
    assert ready.issued_on == ready.practice.today()
    assert signer.verify(record.jws) == record.payload.encode()
    signed = json.loads(record.payload)
    assert signed["content"] == content.canonical(ready)
    assert signed["content_digest"] == ready.ready_digest == content.digest(ready)
    assert signed["device"] == {"id": str(phone.public_id), "nickname": "MyiPhone"}
    assert signed["signed_at"] == content.timestamp(ready.signed_at)
    assert signed["signed_at"].endswith("Z")
    assert signed["key_id"] == SigningKey.objects.get().kid
    challenge = Challenge.objects.get(public_id=signed["challenge"])
    assert challenge.state == ChallengeState.CONSUMED


@pytest.mark.cfr("1311.120(b)(23)")
def test_every_step_is_one_event_in_the_chain_of_the_signer(ready, phone):
    sign(ready, phone)

    subject = f"prescriptions.prescription:{ready.public_id}"
    acts = Event.objects.filter(subject=subject).order_by("sequence")
    assert [(event.act, event.stream) for event in acts] == [
        (act, f"user:{phone.user_id}")
        for act in [
            Act.PRESCRIPTION_CREATED,
            Act.PRESCRIPTION_READY,
            Act.PRESCRIPTION_SIGNED,
        ]
    ]


@pytest.mark.cfr("1311.120(b)(13)")
def test_two_of_one_patient_are_signed_with_one_proof(alice, ready, phone):
    second = make_ready(
        alice.provider,
        patient=ready.patient,
        drug=make_drug("Lorazepam 1 mg tablet"),
    )
    both = [ready, second]

    records = ceremony.sign(
        both, by=alice, challenge=prove(both, phone), session_key=SESSION
    )

    assert len({record.payload_digest for record in records}) == 2
    assert Transmission.objects.count() == 2


@pytest.mark.cfr("1311.140(a)(1)")
@pytest.mark.cfr("1311.120(b)(13)")
def test_two_patients_are_refused(alice, ready, phone):
    other = make_patient(ready.practice, last_name="Other")
    both = [ready, make_ready(alice.provider, patient=other)]

    text = refused(both, prove(both, phone), by=alice)

    assert "one patient" in text


@pytest.mark.both_databases
@pytest.mark.cfr("1311.120(b)(13)")
def test_one_that_is_not_ready_holds_the_other_back(alice, ready, phone):
    both = [ready, make_draft(alice.provider, patient=ready.patient)]

    text = refused(both, prove(both, phone), by=alice)

    assert "This prescription is draft." in text


def test_nothing_at_all_is_refused(alice, ready, phone):
    assert "nothing to sign" in refused([], prove([ready], phone), by=alice)


@pytest.mark.cfr("1311.120(b)(12)")
@pytest.mark.parametrize("who", ["bob", "sam", "mallory", "colleague", "superuser"])
def test_nobody_else_signs_not_even_with_factors_of_their_own(
    request, practice, ready, who
):
    """Adversarial case I04."""
    if who in ("colleague", "superuser"):
        person = make_provider(who, practice=practice).user
        person.is_superuser = person.is_staff = who == "superuser"
        person.save()
    else:
        person = request.getfixturevalue(who)
    device = person.mfa_devices.first() or make_device(
        person, is_primary=True, name="Own"
    )

    text = refused([ready], prove([ready], device), by=person)

    assert "Only the practitioner named on it" in text


@pytest.mark.cfr("1311.120(b)(10)")
@pytest.mark.parametrize("who", ["bob", "sam", "mallory"])
def test_nobody_else_marks_it_ready(request, draft, who):
    with pytest.raises(ceremony.NotSignable, match="Only the practitioner"):
        ceremony.mark_ready(draft, by=request.getfixturevalue(who))

    draft.refresh_from_db()
    assert draft.status == Status.DRAFT
    assert Event.objects.filter(act=Act.SIGNING_REFUSED).count() == 1


@pytest.mark.cfr("1311.120(b)(12)")
def test_another_one_s_challenge_is_worthless(alice, ready, bob):
    challenge = prove([ready], bob.mfa_devices.get())

    with pytest.raises(Exception, match="cannot be the primary device"):
        ceremony.sign([ready], by=alice, challenge=challenge, session_key=SESSION)

    assert not SignedRecord.objects.exists()


@pytest.mark.cfr("1311.120(b)(11)")
@pytest.mark.parametrize(
    "wrong",
    [
        {"purpose": Purpose.SELECT_PRIMARY},
        {"payload_digest": "d" * 64},
        {"session_key": "another-session"},
    ],
)
def test_a_challenge_for_something_else_signs_nothing(alice, ready, phone, wrong):
    text = refused([ready], prove([ready], phone, **wrong), by=alice)

    assert "something else" in text


@pytest.mark.cfr("1311.120(b)(11)")
def test_a_challenge_for_one_prescription_does_not_sign_another(alice, ready, phone):
    other = make_ready(alice.provider, patient=ready.patient)

    text = refused([other], prove([ready], phone), by=alice)

    assert "something else" in text


def test_a_stale_challenge_signs_nothing(alice, ready, phone):
    challenge = prove([ready], phone)

    with time_machine.travel(timezone.now() + timedelta(minutes=3)):
        text = refused([ready], challenge, by=alice)

    assert "has expired" in text


@pytest.mark.both_databases
def test_a_challenge_is_used_once(alice, ready, phone):
    challenge = prove([ready], phone)
    ceremony.sign([ready], by=alice, challenge=challenge, session_key=SESSION)

    with pytest.raises(ceremony.NotSignable, match="on its way"):
        ceremony.sign([ready], by=alice, challenge=challenge, session_key=SESSION)

    assert SignedRecord.objects.count() == 1
