"""What a paired phone is told and may say: adversarial cases H04 to H20."""

import time

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from joserfc.jwk import ECKey

from audit.acts import Act
from audit.models import Event
from mfa import challenges, refusals
from mfa.models import Challenge, ChallengeState, Device, Ending, Intent, Purpose, Push
from mfa.push import pushes
from tests.mfa.phones.conftest import DIGEST, OPEN, SESSION, number_of, state_of
from tests.mfa.phones.handset import ANSWERS

pytestmark = pytest.mark.django_db


def wrong_number_of(challenge):
    return f"{(int(number_of(challenge)) + 1) % 100:02}"


PASSED = (ChallengeState.PASSED, "")


def test_the_phone_shows_what_is_asked_and_for_whom(request_on_phone, alice):
    assert request_on_phone["message"] == "R.R.: oxycodone 5 mg tablet, quantity 30"
    assert request_on_phone["who"] == alice.get_full_name()
    assert 110 < request_on_phone["seconds_left"] <= 120


@pytest.mark.cfr("1311.115(a)")
def test_the_number_on_the_phone_approves(alice, asked, request_on_phone, handset):
    response = handset.answer(request_on_phone, number=number_of(asked))

    assert response.status_code == 200
    assert "Approved" in response.json()["text"]
    asked.refresh_from_db()
    challenges.consume(asked, Intent(alice, Purpose.SIGN, DIGEST, SESSION))


def test_the_number_is_nowhere_in_what_the_phone_is_told(asked, handset):
    Push.objects.filter(pk=asked.pk).update(number="zz")

    assert "zz" not in handset.poll().content.decode()
    assert b"zz" not in Client().get("/phone/").content


def test_a_wrong_number_is_refused_and_the_second_one_ends_it(
    asked, request_on_phone, handset
):
    first = handset.answer(request_on_phone, number=wrong_number_of(asked))
    after_first = state_of(asked)
    second = handset.answer(request_on_phone, number=wrong_number_of(asked))

    assert (first.status_code, after_first) == (422, OPEN)
    assert second.status_code == 410
    assert state_of(asked) == (ChallengeState.REFUSED, Ending.WRONG_NUMBER)
    late = handset.answer(request_on_phone, number=number_of(asked))
    assert late.status_code == 410


NO_NUMBER = {
    "missing": {},
    "empty": {"number": ""},
    "null": {"number": None},
    "a number": {"number": 47},
    "a list": {"number": ["47"]},
    "long": {"number": "47" * 100},
    "in other digits": {"number": "٤٧"},
    "no text": {"number": "\ud800"},
}


@pytest.mark.parametrize("which", sorted(NO_NUMBER))
def test_without_two_digits_nothing_is_approved(
    asked, request_on_phone, handset, which
):
    Push.objects.filter(pk=asked.pk).update(number="47")
    claims = handset.about(request_on_phone)
    del claims["number"]

    response = handset.send(ANSWERS, claims | NO_NUMBER[which])

    assert response.status_code == 422
    assert state_of(asked) == OPEN


def test_declining_ends_it(asked, request_on_phone, handset):
    response = handset.answer(request_on_phone, "decline")

    assert response.status_code == 200
    assert state_of(asked) == (ChallengeState.REFUSED, Ending.DENIED)


def test_it_was_not_me_ends_sessions_and_tells_everybody(
    alice,
    client,
    asked,
    request_on_phone,
    handset,
    mailoutbox,
    django_capture_on_commit_callbacks,
):
    client.force_login(alice)

    with django_capture_on_commit_callbacks(execute=True):
        response = handset.answer(request_on_phone, "not_me")

    assert "Change your password" in response.json()["text"]
    assert state_of(asked) == (ChallengeState.REFUSED, Ending.NOT_ME)
    assert not Session.objects.exists()
    assert Event.objects.filter(act=Act.INCIDENT_OPENED).count() == 1
    told = {address for mail in mailoutbox for address in mail.to}
    assert told >= {alice.email, "admin-of-alice@demo.example"}


def test_it_was_not_me_counts_when_the_push_was_taken_back(
    asked, request_on_phone, handset
):
    """Who knows the password could cancel the push before its owner has read it."""
    pushes.cancel(asked)

    statuses = [handset.answer(request_on_phone, "not_me").status_code for _ in "12"]

    assert statuses == [200, 410]
    assert state_of(asked) == (ChallengeState.REFUSED, Ending.NOT_ME)
    assert Event.objects.filter(act=Act.INCIDENT_OPENED).count() == 1


DECISIONS = ["approve", "decline", "not_me"]


@pytest.mark.both_databases
@pytest.mark.parametrize("first", DECISIONS)
@pytest.mark.parametrize("then", DECISIONS)
def test_the_first_decision_stays(asked, request_on_phone, handset, first, then):
    number = number_of(asked)
    handset.answer(request_on_phone, first, number=number)
    decided = state_of(asked)

    response = handset.answer(request_on_phone, then, number=number)

    assert response.status_code == 410
    assert state_of(asked) == decided


@pytest.mark.both_databases
def test_a_message_sent_twice_decides_once(asked, request_on_phone, handset):
    claims = handset.about(request_on_phone, number=number_of(asked))
    message = {"jws": handset.signed(claims, path=ANSWERS)}

    statuses = [handset.post(ANSWERS, message).status_code for _ in range(2)]

    assert statuses == [200, 410]
    passed = Event.objects.filter(act=Act.CHALLENGE_PASSED)
    assert passed.count() == 1


def test_an_answer_to_an_older_push_does_nothing_for_a_newer_one(
    ask, asked, request_on_phone, handset
):
    newer = ask()

    response = handset.answer(request_on_phone, number=number_of(newer))

    assert response.status_code == 410
    assert state_of(newer) == OPEN
    assert state_of(asked)[1] == Ending.REPLACED


def test_nothing_is_approved_after_its_time(asked, request_on_phone, handset):
    number = number_of(asked)

    with time_machine.travel(time.time() + 121):
        response = handset.answer(request_on_phone, number=number)

    assert response.status_code == 410
    assert state_of(asked) != PASSED


def test_what_is_over_is_no_longer_shown(asked, handset):
    with time_machine.travel(time.time() + 121):
        assert handset.poll().json()["requests"] == []


@pytest.mark.cfr("1311.120(b)(11)")
def test_an_approval_of_something_else_is_worth_nothing(
    alice, asked, request_on_phone, handset
):
    """Case H10: what is on the screen was changed after the push was sent."""
    handset.answer(request_on_phone, number=number_of(asked))
    asked.refresh_from_db()

    with pytest.raises(refusals.NotRedeemable):
        challenges.consume(asked, Intent(alice, Purpose.SIGN, "e" * 64, SESSION))


def test_an_approval_keeps_for_two_minutes(alice, asked, request_on_phone, handset):
    handset.answer(request_on_phone, number=number_of(asked))
    asked.refresh_from_db()

    with (
        time_machine.travel(time.time() + 121),
        pytest.raises(refusals.NotRedeemable),
    ):
        challenges.consume(asked, Intent(alice, Purpose.SIGN, DIGEST, SESSION))


def test_a_flood_of_polls_is_turned_away_and_writes_nothing(asked, handset):
    with CaptureQueriesContext(connection) as queries:
        statuses = [handset.poll().status_code for _ in range(10)]

    assert statuses == [200] + [429] * 9
    assert all(query["sql"].startswith("SELECT") for query in queries)


def test_polls_every_three_seconds_are_answered(asked, handset):
    start = time.time()
    for after in [0, 3, 6]:
        # The cache reads the real clock through the same function.
        with time_machine.travel(start + after):
            assert handset.poll().status_code == 200


def test_a_stranger_does_not_use_up_the_phone_s_polls(asked, handset):
    assert handset.poll(key=ECKey.generate_key("P-256")).status_code == 403

    assert handset.poll().status_code == 200


@pytest.mark.parametrize(
    "message",
    [
        "<script>alert(1)</script><b>R.R.</b>",
        "\u202eenodocyxo\u202c 03",
        "\u2066quantity\u2069 30\u200b\u200f",
        "line\nline\u2028line",
    ],
)
def test_text_reaches_the_phone_as_text_that_cannot_turn(ask, handset, message):
    ask(message=message)

    [request] = handset.poll().json()["requests"]

    assert request["message"].replace("\ufffd", "") == "".join(
        one for one in message if one.isprintable()
    )


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"retired_at": timezone.now(), "retired_because": "removed"}, "removed"),
        ({"disabled_at": timezone.now()}, "disabled"),
    ],
    ids=["removed", "disabled"],
)
def test_a_removed_phone_is_told_so_and_answers_nothing(
    asked, request_on_phone, handset, paired, changed, why
):
    Device.objects.filter(pk=paired.pk).update(is_primary=False, **changed)

    response = handset.answer(request_on_phone, number=number_of(asked))
    poll = handset.poll()

    assert response.status_code == poll.status_code == 410
    assert why in response.json()["text"]
    assert state_of(asked) == OPEN


def test_the_phone_of_a_closed_account_answers_nothing(
    asked, request_on_phone, handset, alice
):
    alice.is_active = False
    alice.save()

    response = handset.answer(request_on_phone, number=number_of(asked))

    assert response.status_code == 410
    assert state_of(asked) == OPEN


def test_few_pushes_reach_a_phone(ask, handset):
    """Case H13: one open at a time, three in ten minutes, and a word of the code."""
    for _ in range(3):
        ask()
    with pytest.raises(pushes.PushRefused, match="Use a code generator"):
        ask()

    assert Challenge.objects.filter(state=ChallengeState.OPEN).count() == 1
    assert len(handset.poll().json()["requests"]) == 1


def test_the_page_needs_no_sign_in_and_sets_no_cookie(client):
    response = client.get("/phone/")

    assert response.status_code == 200
    assert not response.cookies
    assert "JavaScript" in response.content.decode()
