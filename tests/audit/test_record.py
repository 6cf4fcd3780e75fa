from datetime import UTC, datetime

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction

from audit import chain, context, seals
from audit.acts import Act, Outcome
from audit.catalog import DETAIL_KEYS
from audit.models import ChainHead, Event
from audit.verification import verify

pytestmark = pytest.mark.both_databases

NOT_UTC = datetime.fromisoformat("2026-03-08T01:59:59.000001-05:00")


@pytest.mark.cfr("1311.120(b)(24)")
def test_an_event_says_when_who_what_of_what_and_how_it_ended(nora, otto):
    with context.originating(address="192.0.2.7", request_id="r-1"):
        pk = chain.record(
            Act.ACCESS_GRANTED, by=nora, of=otto, outcome=Outcome.FAILURE, reason="late"
        ).pk

    event = Event.objects.get(pk=pk)
    assert (event.stream, event.sequence) == (f"user:{nora.pk}", 1)
    assert (event.actor, event.act, event.outcome) == (
        "nora",
        "access.granted",
        "failure",
    )
    assert event.subject == f"epcs_portal.user:{otto.pk}"
    assert event.detail == {"reason": "late"}
    assert (event.address, event.request_id) == ("192.0.2.7", "r-1")


def test_events_of_one_person_form_one_chain(nora, otto):
    first = chain.record(Act.SIGN_IN_SUCCEEDED, by=nora)
    chain.record(Act.SIGN_IN_SUCCEEDED, by=otto)
    second = chain.record(Act.SIGN_OUT_DONE, by=nora)

    assert (second.sequence, second.previous_hash) == (2, first.hash)
    head = ChainHead.objects.get(stream=f"user:{nora.pk}")
    assert (head.sequence, head.hash) == (2, second.hash)


@pytest.mark.parametrize(
    ("by", "stream"), [(None, "system"), (AnonymousUser(), "anonymous")]
)
def test_what_no_account_did_has_a_chain_of_its_own(db, by, stream):
    event = chain.record(Act.SIGN_IN_FAILED, by=by, outcome=Outcome.FAILURE)

    assert (event.stream, event.actor) == (stream, stream)


def test_a_stream_can_be_chosen(nora):
    event = chain.record(Act.PRESCRIPTION_CREATED, by=nora, stream="practice:7")

    assert (event.stream, event.actor) == ("practice:7", "nora")


@pytest.mark.parametrize(
    "now", [NOT_UTC, datetime(2026, 11, 1, 5, 59, 59, 999999, UTC)]
)
def test_the_moment_survives_the_database_to_the_microsecond(nora, now):
    with time_machine.travel(now, tick=False):
        pk = chain.record(Act.SIGN_IN_SUCCEEDED, by=nora).pk

    event = Event.objects.get(pk=pk)
    assert event.at == now
    assert seals.is_intact(event)


def test_the_event_goes_when_its_act_goes(nora):
    @transaction.atomic
    def act():
        chain.record(Act.DEVICE_ADDED, by=nora)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        act()

    assert not Event.objects.exists()
    assert chain.record(Act.DEVICE_ADDED, by=nora).sequence == 1


@pytest.mark.cfr("1311.100(d)")
def test_the_act_goes_when_its_event_fails(nora, otto, tamper):
    chain.record(Act.DEVICE_ADDED, by=nora)
    tamper("DELETE FROM audit_chainhead")

    @transaction.atomic
    def act():
        otto.delete()
        chain.record(Act.USER_CHANGED, by=nora)

    with pytest.raises(IntegrityError):
        act()

    assert get_user_model().objects.filter(username="otto").exists()


def test_an_event_costs_three_queries(nora, django_assert_num_queries):
    chain.record(Act.SIGN_IN_SUCCEEDED, by=nora)

    with transaction.atomic(), django_assert_num_queries(3):
        chain.record(Act.SIGN_IN_SUCCEEDED, by=nora)


def test_people_see_their_own_events_only(nora, otto):
    mine = chain.record(Act.SIGN_IN_SUCCEEDED, by=nora)
    chain.record(Act.SIGN_IN_SUCCEEDED, by=otto)
    chain.record(Act.SIGN_IN_FAILED, by=None)

    assert list(Event.objects.visible_to(nora)) == [mine]


@pytest.mark.parametrize(
    "key", ["password", "seed", "token", "secret", "patient", "patient_name", "otp"]
)
def test_secrets_and_patients_have_no_place_in_the_detail(nora, key):
    with pytest.raises(ValueError, match=key):
        chain.record(Act.CHALLENGE_REFUSED, by=nora, **{key: "poison"})

    assert not Event.objects.exists()
    assert key not in DETAIL_KEYS


@pytest.mark.parametrize("value", [1.5, b"bytes", {"a": 1}, ["text", 1], object()])
def test_only_plain_values_enter_the_detail(nora, value):
    with pytest.raises(TypeError):
        chain.record(Act.CHALLENGE_REFUSED, by=nora, reason=value)


@pytest.mark.parametrize("value", [None, True, 2**53 - 1, "é🩺\u2028", ["a", "b"], "1"])
def test_plain_values_come_back_as_they_were(nora, value):
    pk = chain.record(Act.CHALLENGE_REFUSED, by=nora, reason=value).pk

    assert Event.objects.get(pk=pk).detail == {"reason": value}
    assert verify().events == 1


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "x" * 100_000])
def test_no_text_keeps_an_event_out_of_the_record(nora, text):
    chain.record(Act.FEED_FAILED, by=nora, reason=text)

    assert verify().events == 1


def test_an_unsaved_row_cannot_be_a_subject(nora):
    with pytest.raises(ValueError, match="Save the user"):
        chain.record(Act.USER_ADDED, by=nora, of=type(nora)())
