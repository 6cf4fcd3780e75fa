"""A phone that ID.me asks: polled gently, believed only on good evidence."""

from datetime import timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from audit.models import Incident
from mfa import challenges, refusals
from mfa.models import Challenge, ChallengeState, Channel, Ending, Intent, Kind, Purpose
from mfa.oidc import backchannel
from mfa.oidc.errors import IdmeRefused, IdmeUnavailable
from mfa.push import idme_answers, pushes
from tests.factories import PASSWORD, make_device
from tests.mfa.conftest import DIGEST, SESSION

NOON = "2026-11-23T12:00:15Z"
MESSAGE = "P.P. Oxycodone hydrochloride 5 mg tablet, 30 tablets"
pytestmark = pytest.mark.django_db


class Provider:
    """ID.me behind `mfa.oidc.backchannel`: what it is asked, what it answers."""

    def __init__(self):
        self.is_offering, self.failure, self.failure_of_start = True, None, None
        self.asked, self.polls, self.answers = [], 0, []

    def is_offered(self):
        self._fail()
        return self.is_offering

    def start(self, **facts):
        if self.failure_of_start:
            raise self.failure_of_start
        self.asked.append(facts)
        return backchannel.Started("request-1", expires_in=120, interval=5)

    def poll(self, request_id, *, subject):
        self.polls += 1
        self._fail()
        assert (request_id, subject) == ("request-1", "subject-of-alice")
        return self.answers.pop(0) if self.answers else backchannel.Answer("pending")

    def _fail(self):
        if self.failure:
            raise self.failure


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller
    cache.clear()


@pytest.fixture
def idme(monkeypatch):
    provider = Provider()
    for name in ["is_offered", "start", "poll"]:
        monkeypatch.setattr(backchannel, name, getattr(provider, name))
    return provider


@pytest.fixture
def handset(alice):
    return make_device(alice, kind=Kind.PUSH, external_id="handset", name="Handset")


@pytest.fixture
def start(alice, handset, idme):
    def start():
        return pushes.start(
            Intent(alice, Purpose.SIGN, DIGEST, SESSION),
            device=handset,
            message=MESSAGE,
            password=PASSWORD,
        )

    return start


@pytest.fixture
def challenge(start):
    return start()


@pytest.fixture
def claims():
    """What ID.me signs about an answer that counts."""
    return {
        "sub": "subject-of-alice",
        "auth_time": timezone.now().timestamp(),
        "mfa_device": "handset",
    }


def answered(challenge, idme, claims):
    idme.answers.append(backchannel.Answer("approved", claims))
    return pushes.check(challenge)


def test_idme_is_asked_with_message_device_and_number(idme, challenge):
    assert idme.asked == [
        {
            "subject": "subject-of-alice",
            "device": "handset",
            "message": MESSAGE,
            "number": challenge.push.number,
            "expires_in": 120,
        }
    ]
    assert challenge.push.channel == Channel.CIBA
    assert "request-1" not in challenge.push.sealed_request
    assert challenge.push.request_id() == "request-1"


def test_an_approval_on_the_device_passes(idme, challenge, claims):
    assert answered(challenge, idme, claims).state == ChallengeState.PASSED
    challenge.push.refresh_from_db()
    assert challenge.push.sealed_request == ""


def test_it_is_polled_no_sooner_than_the_interval(idme, challenge, clock):
    for _ in range(10):
        pushes.check(challenge)
    assert idme.polls == 1

    clock.shift(challenge.push.interval + 0.1)
    pushes.check(challenge)

    assert idme.polls == 2


def test_slow_down_slows_down(idme, challenge, clock):
    idme.answers.append(backchannel.Answer("slow_down"))
    pushes.check(challenge)

    clock.shift(challenge.push.interval + 1)
    pushes.check(challenge)
    assert idme.polls == 1

    clock.shift(idme_answers.SLOWER_BY)
    pushes.check(challenge)
    assert idme.polls == 2


def test_a_poll_without_an_answer_writes_nothing(
    idme, challenge, django_assert_num_queries
):
    with django_assert_num_queries(2) as queries:  # the account, and the challenge
        pushes.check(challenge)

    assert {query["sql"].split()[0] for query in queries} == {"SELECT"}
    assert idme.polls == 1


@pytest.mark.parametrize(
    ("answer", "ending"),
    [
        ("denied", Ending.DENIED),
        ("not_me", Ending.NOT_ME),
        ("expired", Ending.EXPIRED),
    ],
)
def test_a_no_ends_it(idme, challenge, answer, ending):
    idme.answers.append(backchannel.Answer(answer))

    assert pushes.check(challenge).state == ChallengeState.REFUSED

    challenge.push.refresh_from_db()
    assert challenge.push.ended_because == ending
    assert Incident.objects.exists() is (answer == "not_me")


@pytest.mark.parametrize(
    ("wrong", "ending"),
    [
        ({"sub": "subject-of-bob"}, Ending.OTHER_DEVICE),
        ({"mfa_device": "another"}, Ending.OTHER_DEVICE),
        ({"mfa_device": ["handset"]}, Ending.OTHER_DEVICE),
        ({"mfa_device": None}, Ending.OTHER_DEVICE),
        ({"mfa_device": None, "amr": ["mfa", "sms"]}, Ending.OTHER_DEVICE),
        ({"mfa_device": None, "amr": ["swk", "tel"]}, Ending.OTHER_DEVICE),
        ({"mfa_device": None, "amr": "swk"}, Ending.OTHER_DEVICE),
        ({"mfa_device": None, "amr": ["pwd"]}, Ending.OTHER_DEVICE),
        ({"auth_time": None}, Ending.NOT_FRESH),
        ({"auth_time": True}, Ending.NOT_FRESH),
        ({"auth_time": 3600}, Ending.NOT_FRESH),
        ({"auth_time": 4102444800}, Ending.NOT_FRESH),
    ],
    ids=lambda value: str(value),
)
def test_an_approval_without_good_evidence_counts_for_nothing(
    idme, challenge, claims, wrong, ending
):
    assert answered(challenge, idme, claims | wrong).state == ChallengeState.REFUSED

    challenge.push.refresh_from_db()
    assert challenge.push.ended_because == ending


def test_a_provider_that_names_no_device_is_believed_about_the_only_push(
    idme, challenge, claims
):
    del claims["mfa_device"]

    told = answered(challenge, idme, claims | {"amr": ["mfa", "swk"]})

    assert told.state == ChallengeState.PASSED


def test_and_not_about_one_of_two(alice, idme, challenge, claims):
    make_device(alice, kind=Kind.PUSH, name="Second")
    del claims["mfa_device"]

    told = answered(challenge, idme, claims | {"amr": ["mfa", "swk"]})

    assert told.state == ChallengeState.REFUSED


def test_an_outage_while_waiting_keeps_the_question_open(
    idme, challenge, claims, clock
):
    idme.failure = IdmeUnavailable()
    assert pushes.check(challenge).state == ChallengeState.OPEN

    idme.failure = None
    clock.shift(challenge.push.interval + 0.1)

    assert answered(challenge, idme, claims).state == ChallengeState.PASSED


def test_an_outage_at_the_start_sends_nothing_and_says_so(idme, start):
    idme.failure = IdmeUnavailable()

    with pytest.raises(pushes.PushRefused, match="No push was sent. ID.me cannot be"):
        start()

    assert not Challenge.objects.filter(state=ChallengeState.OPEN).exists()


def test_an_outage_does_not_use_up_the_pushes(idme, start):
    idme.failure_of_start = IdmeUnavailable()
    for _ in range(pushes.MAX_PUSHES):
        with pytest.raises(pushes.PushRefused):
            start()
    idme.failure_of_start = None

    assert start().state == ChallengeState.OPEN


def test_an_answer_that_is_not_idmes_ends_it(idme, challenge):
    idme.failure = IdmeRefused("bad_answer")

    assert pushes.check(challenge).state == ChallengeState.REFUSED


def test_an_unlinked_account_ends_it(alice, idme, challenge):
    alice.idme_accounts.update(unlinked_at=timezone.now())

    assert pushes.check(challenge).state == ChallengeState.REFUSED
    assert idme.polls == 0


def test_where_idme_asks_no_phones_a_window_does(idme, start):
    idme.is_offering = False

    challenge = start()

    assert challenge.push.channel == Channel.STEP_UP
    assert idme.asked == []
    assert pushes.check(challenge).state == ChallengeState.OPEN
    assert idme.polls == 0


def test_the_moment_of_the_window_is_checked_like_that_of_the_phone(
    idme, start, claims, clock
):
    idme.is_offering = False
    old = claims["auth_time"]
    clock.shift(timedelta(minutes=5))
    challenge = start()

    idme_answers.accept(challenge.push, claims | {"auth_time": old})

    challenge.refresh_from_db()
    assert challenge.state == ChallengeState.REFUSED


@pytest.mark.both_databases
def test_a_redeemed_answer_signs_once(alice, idme, challenge, claims):
    challenge = answered(challenge, idme, claims)
    alice.mfa_devices.update(is_primary=False)
    alice.mfa_devices.filter(name="Handset").update(is_primary=True)
    intent = Intent(alice, Purpose.SIGN, DIGEST, SESSION)
    with transaction.atomic():
        challenges.consume(challenge, intent)

    with pytest.raises(refusals.NotRedeemable), transaction.atomic():
        challenges.consume(challenge, intent)


def test_an_alarm_about_a_push_that_was_taken_back_is_heard(idme, challenge):
    pushes.cancel(challenge)
    idme.answers.append(backchannel.Answer("not_me"))

    idme_answers.poll_unwatched()

    challenge.push.refresh_from_db()
    assert challenge.push.ended_because == Ending.NOT_ME
    assert challenge.push.sealed_request == ""
    assert Incident.objects.count() == 1
    idme_answers.poll_unwatched()
    assert idme.polls == 1


def test_an_alarm_about_a_push_whose_page_was_closed_is_heard(idme, challenge, clock):
    idme.answers.append(backchannel.Answer("not_me"))
    idme_answers.poll_unwatched()
    assert idme.polls == 0

    clock.shift(Challenge.ANSWER_WITHIN - idme_answers.FINAL_PERIOD)
    idme_answers.poll_unwatched()

    assert Incident.objects.count() == 1


@pytest.mark.parametrize("answer", ["approved", "denied", "expired", "pending"])
def test_nothing_else_counts_for_a_push_that_was_taken_back(
    idme, challenge, claims, answer
):
    pushes.cancel(challenge)
    idme.answers.append(backchannel.Answer(answer, claims))

    idme_answers.poll_unwatched()

    challenge.refresh_from_db()
    assert challenge.state == ChallengeState.REFUSED
    assert challenge.push.ended_because == Ending.CANCELLED
    assert not Incident.objects.exists()


@pytest.mark.parametrize("is_cancelled", [True, False])
def test_what_was_asked_of_idme_is_forgotten_when_its_time_is_over(
    idme, challenge, clock, is_cancelled
):
    if is_cancelled:
        pushes.cancel(challenge)
    clock.shift(Challenge.ANSWER_WITHIN)

    idme_answers.poll_unwatched()

    challenge.push.refresh_from_db()
    ending = Ending.CANCELLED if is_cancelled else Ending.EXPIRED
    assert (challenge.push.ended_because, challenge.push.sealed_request) == (ending, "")
    assert idme.polls == 0
