"""A phone is asked, answers once, and what it said is good for one thing."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client

from audit.acts import Act, Outcome
from audit.models import Event, Incident, IncidentKind
from mfa import challenges, devices, refusals
from mfa.models import (
    Challenge,
    ChallengeState,
    Channel,
    Device,
    Ending,
    Purpose,
    Push,
    UserThrottle,
)
from mfa.push import answers, pushes
from tests.factories import PASSWORD, code_of, make_device, make_paired_phone, make_user
from tests.mfa.conftest import DIGEST, SESSION

NOON = "2026-11-23T12:00:15Z"
MESSAGE = "P.P. Oxycodone hydrochloride 5 mg tablet, 30 tablets"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def handset(alice, phone):
    """Alice's primary device: a phone that is pushed to."""
    Device.objects.filter(pk=phone.pk).update(is_primary=False)
    return make_paired_phone(alice, is_primary=True)


@pytest.fixture
def start(alice, handset):
    def start(**overrides):
        facts = {
            "device": handset,
            "purpose": Purpose.SIGN,
            "payload_digest": DIGEST,
            "message": MESSAGE,
            "password": PASSWORD,
            "session_key": SESSION,
        }
        return pushes.start(alice, **facts | overrides)

    return start


@pytest.fixture
def push(start):
    return start().push


def consume(alice, challenge, **overrides):
    facts = {
        "user": alice,
        "purpose": Purpose.SIGN,
        "payload_digest": DIGEST,
        "session_key": SESSION,
    }
    with transaction.atomic():
        challenges.consume(challenge, **facts | overrides)


def acts():
    return list(Event.objects.order_by("at", "sequence").values_list("act", flat=True))


def reload(push):
    return Push.objects.select_related("challenge").get(pk=push.pk)


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


@pytest.mark.both_databases
@pytest.mark.cfr("1311.115(a)")
def test_the_right_number_lets_it_pass_once(alice, handset, push):
    answers.approve(push, number=push.number)

    challenge = reload(push).challenge
    assert challenge.state == ChallengeState.PASSED
    assert acts() == [Act.CHALLENGE_STARTED, Act.CHALLENGE_PASSED]
    handset.refresh_from_db()
    assert handset.last_used_at is not None
    consume(alice, challenge)
    with pytest.raises(refusals.NotRedeemable):
        consume(alice, challenge)


@pytest.mark.parametrize("number", ["", None, "00", "1", "1٠", "12345"])
def test_a_wrong_number_is_refused_and_the_second_ends_it(push, number):
    with pytest.raises(answers.WrongNumber):
        answers.approve(push, number=number)
    assert reload(push).challenge.state == ChallengeState.OPEN

    with pytest.raises(answers.NotOpen):
        answers.approve(push, number=number)

    push = reload(push)
    assert push.challenge.state == ChallengeState.REFUSED
    assert push.ended_because == Ending.WRONG_NUMBER
    with pytest.raises(answers.NotOpen):
        answers.approve(push, number=push.number)
    assert acts()[1:] == [Act.CHALLENGE_REFUSED] * 2


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("approve", "approve"),
        ("approve", "deny"),
        ("deny", "approve"),
        ("deny", "deny"),
    ],
)
def test_the_first_answer_decides(push, first, second):
    say = {
        "approve": lambda: answers.approve(push, number=push.number),
        "deny": lambda: answers.deny(push, because=Ending.DENIED),
    }
    say[first]()

    with pytest.raises(answers.NotOpen):
        say[second]()

    is_approved = first == "approve"
    wanted = ChallengeState.PASSED if is_approved else ChallengeState.REFUSED
    assert reload(push).challenge.state == wanted
    assert len(acts()) == 2


def test_a_late_answer_counts_for_nothing(push, clock):
    clock.shift(Challenge.ANSWER_WITHIN)

    with pytest.raises(answers.NotOpen):
        answers.approve(push, number=push.number)

    assert pushes.check(push.challenge).state == ChallengeState.REFUSED
    assert reload(push).ended_because == Ending.EXPIRED


def test_an_approval_is_redeemed_within_two_minutes(alice, push, clock):
    clock.shift(Challenge.ANSWER_WITHIN - timedelta(seconds=1))
    answers.approve(push, number=push.number)

    clock.shift(Challenge.CONSUME_WITHIN)

    with pytest.raises(refusals.NotRedeemable):
        consume(alice, reload(push).challenge)


@pytest.mark.cfr("1311.120(b)(11)")
@pytest.mark.parametrize(
    "other",
    [
        {"payload_digest": "e" * 64},
        {"purpose": Purpose.RETIRE_DEVICE},
        {"session_key": "another session"},
    ],
    ids=["edited since", "for another act", "in another session"],
)
def test_an_approval_is_worthless_for_anything_else(alice, push, other):
    answers.approve(push, number=push.number)

    with pytest.raises(refusals.NotRedeemable):
        consume(alice, reload(push).challenge, **other)


@pytest.mark.cfr("1311.115(a)(3)")
@pytest.mark.parametrize("moment", ["before the answer", "after the answer"])
def test_a_phone_that_was_removed_meanwhile_confirms_nothing(
    alice, push, handset, moment
):
    if moment == "after the answer":
        answers.approve(push, number=push.number)
    devices.retire_vanished(handset, by=None)

    if moment == "before the answer":
        with pytest.raises(answers.NotOpen):
            answers.approve(push, number=push.number)
    with pytest.raises(refusals.NotRedeemable):
        consume(alice, reload(push).challenge)


def test_a_phone_that_is_no_longer_primary_signs_nothing(alice, push, phone):
    answers.approve(push, number=push.number)
    with transaction.atomic():
        devices.promote(phone, by=alice)

    with pytest.raises(refusals.NotRedeemable, match="no longer your primary"):
        consume(alice, reload(push).challenge)


def test_a_paired_phone_sees_its_own_open_push_alone(alice, bob, push, handset, clock):
    other = make_paired_phone(bob)

    assert list(answers.open_for(handset)) == [push]
    assert not answers.open_for(other)
    clock.shift(Challenge.ANSWER_WITHIN)
    assert not answers.open_for(handset)


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


@pytest.mark.both_databases
@pytest.mark.cfr("1311.150(c)")
@pytest.mark.cfr("1311.150(a)(1)")
def test_it_was_not_me_ends_everything_and_tells(alice, phone, prove, start):
    boss = make_user("boss", is_staff=True)
    proven = prove(code=code_of(phone), purpose=Purpose.RETIRE_DEVICE)
    browser, stranger = Client(), Client()
    browser.force_login(alice)
    stranger.force_login(boss)
    push = start().push

    answers.deny(push, because=Ending.NOT_ME)

    assert reload(push).challenge.state == ChallengeState.REFUSED
    with pytest.raises(refusals.NotRedeemable):
        consume(alice, proven, purpose=Purpose.RETIRE_DEVICE)
    left = [one.get_decoded()["_auth_user_id"] for one in Session.objects.all()]
    assert left == [str(boss.pk)]
    incident = Incident.objects.get()
    assert (incident.kind, incident.username) == (IncidentKind.NOT_ME, "alice")
    refused = Event.objects.get(act=Act.CHALLENGE_REFUSED)
    assert (refused.outcome, refused.detail["reason"]) == (Outcome.FAILURE, "not_me")
    assert Event.objects.filter(act=Act.INCIDENT_OPENED).count() == 1


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_it_was_not_me_is_mailed_to_owner_and_administrators(alice, start):
    make_user("boss", is_staff=True)

    answers.deny(start().push, because=Ending.NOT_ME)

    told = {one.to[0] for one in mail.outbox if "password" in one.subject}
    assert {"alice@demo.example", "boss@demo.example"} <= told


@pytest.mark.both_databases
def test_waiting_writes_nothing(push, django_assert_num_queries):
    with django_assert_num_queries(1):  # reads the challenge
        pushes.check(push.challenge)


def test_a_newer_content_has_no_push_to_wait_for(alice, push):
    same = {"purpose": Purpose.SIGN, "session_key": SESSION}

    assert pushes.latest(alice, payload_digest=DIGEST, **same) == push.challenge
    assert pushes.latest(alice, payload_digest="e" * 64, **same) is None


def test_nothing_names_the_number_but_the_push(alice, push):
    """Not the record, which its owner reads on a page."""
    for event in Event.objects.all():
        assert push.number not in event.detail.values()
    assert not Device.objects.filter(name=push.number).exists()
    assert make_device(alice).sealed_seed != push.number
