"""Many clients at the same moment; run on the SQLite file and on PostgreSQL."""

import pytest
from django.db import DatabaseError

from audit.acts import Act
from audit.models import Event
from mfa import challenges, devices, refusals
from mfa.models import (
    Challenge,
    ChallengeState,
    Device,
    Ending,
    Intent,
    Purpose,
    Push,
    UserThrottle,
)
from mfa.push import answers, pushes
from mfa.refusals import CodeRefused
from tests.factories import PASSWORD, code_of, intent_of, make_device, make_paired_phone
from tests.mfa.conftest import DIGEST, SESSION
from tests.threads import at_once

pytestmark = [
    pytest.mark.race,
    pytest.mark.django_db(transaction=True),
    pytest.mark.both_databases,
]
CLIENTS = 8


def prove(user, device, code, **overrides):
    facts = {
        "purpose": Purpose.SIGN,
        "payload_digest": DIGEST,
        "password": PASSWORD,
        "session_key": SESSION,
    } | overrides
    intent = intent_of(facts, user=user)
    return challenges.prove(intent, device=device, code=code, **facts)


@pytest.mark.parametrize("attempt", range(5))
def test_one_code_passes_once(alice, phone, attempt):
    code = code_of(phone)

    results = at_once(lambda _: prove(alice, phone, code), times=CLIENTS)

    passed = [result for result in results if isinstance(result, Challenge)]
    refused = [result for result in results if isinstance(result, refusals.NotProven)]
    assert (len(passed), len(refused)) == (1, CLIENTS - 1)


def test_parallel_wrong_codes_are_all_counted_up_to_the_lock(alice, phone):
    results = at_once(lambda _: prove(alice, phone, "000000"), times=CLIENTS)

    compared = [one for one in results if isinstance(one, CodeRefused)]
    locked = [one for one in results if isinstance(one, refusals.Locked)]
    assert (len(compared), len(locked)) == (3, CLIENTS - 3)
    assert UserThrottle.objects.get(user=alice).throttling_failure_count == 3


def test_parallel_wrong_passwords_are_limited_too(alice, phone):
    results = at_once(
        lambda _: prove(alice, phone, "000000", password="guess"), times=CLIENTS
    )

    tried = [one for one in results if isinstance(one, refusals.PasswordRefused)]
    assert len(tried) == 3


def test_one_code_serves_one_of_two_purposes(alice, phone):
    code = code_of(phone)
    purposes = [Purpose.SIGN, Purpose.RETIRE_DEVICE]

    results = at_once(
        lambda number: prove(alice, phone, code, purpose=purposes[number]), times=2
    )

    assert sum(isinstance(result, Challenge) for result in results) == 1


def test_one_challenge_selects_one_primary_once(alice, phone):
    tablet = make_device(alice, name="OfficeiPad")
    challenge = prove(
        alice,
        tablet,
        code_of(tablet),
        purpose=Purpose.SELECT_PRIMARY,
        payload_digest=devices.selection_digest(tablet),
    )

    results = at_once(
        lambda _: devices.select_primary(
            tablet, by=alice, challenge=challenge, session_key=SESSION
        ),
        times=CLIENTS,
    )

    assert results.count(None) == 1
    assert Device.objects.get(user=alice, is_primary=True) == tablet
    challenge.refresh_from_db()
    assert challenge.state == ChallengeState.CONSUMED


def test_two_devices_selected_at_once_leave_one_primary(alice, phone):
    tablets = [make_device(alice, name=name) for name in ["One", "Two"]]
    passed = [
        prove(
            alice,
            tablet,
            code_of(tablet),
            purpose=Purpose.SELECT_PRIMARY,
            payload_digest=devices.selection_digest(tablet),
        )
        for tablet in tablets
    ]

    results = at_once(
        lambda number: devices.select_primary(
            tablets[number], by=alice, challenge=passed[number], session_key=SESSION
        ),
        times=2,
    )

    assert results == [None, None]
    assert Device.objects.filter(user=alice, is_primary=True).count() == 1


def test_a_rename_during_a_verification_is_kept(alice, phone):
    code = code_of(phone)
    acts = [
        lambda: prove(alice, phone, code),
        lambda: devices.rename(phone, by=alice, nickname="Renamed"),
    ]

    at_once(lambda number: acts[number](), times=2)

    phone.refresh_from_db()
    assert phone.name == "Renamed"
    assert phone.last_step > 0


@pytest.mark.parametrize("attempt", range(5))
def test_of_yes_and_no_at_the_same_moment_one_counts(alice, attempt):
    handset = make_paired_phone(alice)
    push = pushes.start(
        Intent(alice, Purpose.SIGN, DIGEST, SESSION),
        device=handset,
        message="P.P.",
        password=PASSWORD,
    ).push

    def answer(turn):
        own = Push.objects.select_related("challenge").get(pk=push.pk)
        if turn % 2:
            answers.deny(own, because=Ending.DENIED)
        else:
            answers.approve(own, number=push.number)

    results = at_once(answer, times=CLIENTS)

    assert [one for one in results if one is None] == [None]
    late = [one for one in results if isinstance(one, answers.NotOpen)]
    assert len(late) == CLIENTS - 1
    acts = [Act.CHALLENGE_PASSED, Act.CHALLENGE_REFUSED]
    assert Event.objects.filter(act__in=acts).count() == 1


def test_of_many_pushes_at_the_same_moment_one_is_open(alice):
    handset = make_paired_phone(alice)

    def start(turn):
        return pushes.start(
            Intent(alice, Purpose.SIGN, f"{turn}" * 64, SESSION),
            device=handset,
            message="P.P.",
            password=PASSWORD,
        )

    results = at_once(start, times=pushes.MAX_PUSHES + 2)

    refused = [one for one in results if isinstance(one, refusals.NotProven)]
    assert len(refused) >= 2
    assert not [one for one in results if isinstance(one, DatabaseError)]
    assert Challenge.objects.filter(state=ChallengeState.OPEN).count() == 1
