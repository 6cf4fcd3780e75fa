"""A phone is asked, by whom, how often, and again."""

import pytest
import time_machine
from django.db import IntegrityError, transaction

from audit.acts import Act
from audit.models import Event
from mfa import refusals
from mfa.models import (
    Challenge,
    ChallengeState,
    Channel,
    Ending,
    Purpose,
    Push,
    UserThrottle,
)
from mfa.push import answers, pushes
from tests.factories import make_paired_phone
from tests.mfa.conftest import DIGEST
from tests.mfa.push.steps import MESSAGE, NOON, acts, consume, reload

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.mark.cfr("1311.115(a)")
def test_a_right_password_asks_the_phone_and_proves_nothing_yet(alice, start, handset):
    challenge = start()

    push = reload(challenge.push)
    assert (push.channel, push.message) == (Channel.PHONE, MESSAGE)
    assert push.number.isdigit()
    assert len(push.number) == 2
    assert challenge.state == ChallengeState.OPEN
    assert acts() == [Act.CHALLENGE_STARTED]
    with pytest.raises(refusals.NotRedeemable):
        consume(alice, challenge)


@pytest.mark.cfr("1311.115(a)")
@pytest.mark.cfr("1311.115(a)(1)")
def test_a_wrong_password_asks_no_phone(start):
    with pytest.raises(refusals.PasswordRefused):
        start(password="guess")

    assert not Challenge.objects.filter(purpose=Purpose.SIGN).exists()
    assert acts() == [Act.CHALLENGE_REFUSED]


def test_wrong_passwords_lock_before_a_phone_is_asked(start):
    for _ in range(3):
        with pytest.raises(refusals.PasswordRefused):
            start(password="guess")

    with pytest.raises(refusals.Locked):
        start()

    assert not Push.objects.exists()


def test_a_right_password_ends_no_row_of_wrong_codes(alice, phone, prove, start):
    """Else whoever knows the password guesses codes for ever, with pushes in between."""
    with pytest.raises(refusals.NotProven):
        prove(code="000000")

    start()

    assert UserThrottle.objects.get(user=alice).failures_since_success == 1


def test_three_pushes_in_ten_minutes_are_the_most(start, clock):
    for _ in range(pushes.MAX_PUSHES):
        start()

    with pytest.raises(pushes.PushRefused, match="wait 10 minutes"):
        start()

    refusal = Event.objects.get(act=Act.CHALLENGE_REFUSED)
    assert refusal.detail["reason"] == "too_many_pushes"
    clock.shift(pushes.PUSH_WINDOW)
    assert start().state == ChallengeState.OPEN


@pytest.mark.both_databases
def test_asking_again_here_takes_the_place_of_the_first(start):
    first, second = start(), start()

    assert reload(first.push).ended_because == Ending.REPLACED
    assert Challenge.objects.filter(state=ChallengeState.OPEN).get() == second
    with pytest.raises(answers.NotOpen):
        answers.approve(first.push, number=first.push.number)


def test_a_push_from_elsewhere_has_to_be_answered_first(start):
    first = start(session_key="another session")

    with pytest.raises(pushes.PushRefused, match="asked for elsewhere"):
        start()

    assert reload(first.push).challenge.state == ChallengeState.OPEN


@pytest.mark.both_databases
def test_the_database_holds_one_open_challenge_per_user(start):
    challenge = start()
    twin = Challenge(
        user=challenge.user,
        device=challenge.device,
        purpose=challenge.purpose,
        payload_digest="e" * 64,
        session_digest="f" * 64,
        started_at=challenge.started_at,
        expires_at=challenge.expires_at,
    )

    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save()


def test_it_is_sent_again_without_the_password(push):
    anew = pushes.resend(push.challenge)

    assert anew.push.message == MESSAGE
    assert anew.payload_digest == DIGEST
    assert reload(push).ended_because == Ending.REPLACED


def test_an_ended_push_is_not_sent_again_without_the_password(push):
    answers.deny(push, because=Ending.DENIED)

    with pytest.raises(answers.NotOpen):
        pushes.resend(reload(push).challenge)


def test_a_cancelled_push_takes_no_answer(push):
    pushes.cancel(push.challenge)

    with pytest.raises(answers.NotOpen):
        answers.approve(push, number=push.number)
    assert acts()[-1] == Act.CHALLENGE_CANCELLED


def test_cancelling_comes_too_late_for_an_answered_one(push):
    answers.approve(push, number=push.number)

    pushes.cancel(push.challenge)

    assert reload(push).challenge.state == ChallengeState.PASSED


def test_a_code_generator_is_not_pushed_to_and_a_phone_shows_no_codes(
    start, prove, phone, handset
):
    with pytest.raises(refusals.DeviceNotUsable):
        start(device=phone)
    with pytest.raises(refusals.DeviceNotUsable):
        prove(device=handset, code="123456")


def test_nobody_is_pushed_to_for_another(start, bob):
    with pytest.raises(refusals.DeviceNotUsable):
        start(device=make_paired_phone(bob))
