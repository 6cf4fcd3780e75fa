"""A phone answers once, and what it said is good for one thing."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import transaction
from django.test import Client

from audit.acts import Act, Outcome
from audit.models import Event, Incident, IncidentKind
from mfa import devices, refusals
from mfa.models import Challenge, ChallengeState, Device, Ending, Intent, Purpose
from mfa.push import answers, pushes
from tests.factories import code_of, make_device, make_paired_phone, make_user
from tests.mfa.conftest import DIGEST, SESSION
from tests.mfa.push.steps import NOON, acts, consume, reload

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


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
    same, newer = (
        Intent(alice, Purpose.SIGN, digest, SESSION) for digest in [DIGEST, "e" * 64]
    )

    assert pushes.latest(same) == push.challenge
    assert pushes.latest(newer) is None


def test_nothing_names_the_number_but_the_push(alice, push):
    """Not the record, which its owner reads on a page."""
    for event in Event.objects.all():
        assert push.number not in event.detail.values()
    assert not Device.objects.filter(name=push.number).exists()
    assert make_device(alice).sealed_seed != push.number
