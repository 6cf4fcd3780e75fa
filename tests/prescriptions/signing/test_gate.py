"""Fail closed: with anything out of order, nothing is marked or signed."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import DatabaseError, connection
from django.utils import timezone

from audit.acts import Act, Outcome
from audit.models import Event
from prescriptions import signer
from prescriptions.models import ClockMeasurement, ClockState, SignedRecord, Status
from prescriptions.safeguards import stops
from prescriptions.signing import ceremony, gate, review, snapshot
from tests.prescriptions.factories import SESSION, make_draft, prove

pytestmark = pytest.mark.django_db


def test_in_order_there_is_nothing_to_say(alice):
    assert gate.problems(by=alice) == []
    assert gate.problems() == []


@pytest.mark.cfr("1311.120(b)(8)")
def test_a_clock_that_is_years_off_stops_signing(draft, alice):
    with time_machine.travel(datetime(2001, 1, 1, tzinfo=UTC)):
        found = gate.problems(by=alice)

    assert "The clock of this server is wrong." in found


def _break_key(settings, alice):
    settings.SIGNING_KEY_PASSPHRASE = "forgotten"
    signer.close()


def _lock_away(settings, alice):
    signer.deactivate(reason="The server moves.")


def _break_clock(settings, alice):
    ClockMeasurement.objects.create(
        slot=1, measured_at=timezone.now(), offset_ms=301_000, state=ClockState.DRIFT
    )


def _lose_clock(settings, alice):
    settings.DEMO = False


def _lose_network(settings, alice):
    settings.SCRIPT_NETWORK_URL = ""


def _go_live(settings, alice):
    settings.SCRIPT_NETWORK_URL = "https://network.com/script"


def _stop(settings, alice):
    stops.stop(by=alice, practice=None, reason="It seems to malfunction.")


@pytest.mark.cfr("1311.100(d)")
@pytest.mark.cfr("1311.102(f)")
@pytest.mark.parametrize(
    ("out_of_order", "problem"),
    [
        (_break_key, "does not open with its passphrase"),
        (_lock_away, "locked away"),
        (_break_clock, "301 seconds off NIST time"),
        (_lose_clock, "not compared with NIST time"),
        (_lose_network, "No pharmacy network"),
        (_go_live, "must not reach a live pharmacy network"),
        (_stop, "It seems to malfunction"),
    ],
    ids=["key", "locked away", "clock", "unknown clock"] + ["network", "live", "stop"],
)
def test_with_any_part_out_of_order_ready_and_sign_refuse_and_say_which(
    settings, alice, phone, ready, out_of_order, problem
):
    other = make_draft(alice.provider)
    challenge = prove([ready], phone)
    out_of_order(settings, alice)

    with pytest.raises(ceremony.NotSignable, match=problem):
        ceremony.mark_ready(other, by=alice)
    with pytest.raises(ceremony.NotSignable, match=problem):
        ceremony.sign([ready], by=alice, challenge=challenge, session_key=SESSION)

    ready.refresh_from_db()
    other.refresh_from_db()
    assert (ready.status, other.status) == (Status.READY, Status.DRAFT)
    assert not SignedRecord.objects.exists()
    blocked = Event.objects.filter(act=Act.SIGNING_BLOCKED, actor="alice")
    assert blocked.count() == 2
    assert all(event.outcome == Outcome.FAILURE for event in blocked)


@pytest.mark.both_databases
@pytest.mark.cfr("1311.100(d)")
@pytest.mark.parametrize("act", ["ready", "sign"])
def test_with_a_record_that_does_not_verify_ready_and_sign_refuse(
    settings, alice, phone, ready, act
):
    other = make_draft(alice.provider)
    challenge = prove([ready], phone)
    settings.AUDIT_KEYS = [("z9", b"z" * 32)]  # what is there was sealed with another

    acts = {
        "ready": lambda: ceremony.mark_ready(other, by=alice),
        "sign": lambda: ceremony.sign(
            [ready], by=alice, challenge=challenge, session_key=SESSION
        ),
    }
    with pytest.raises(ceremony.NotSignable, match="AUDIT_KEYS|key"):
        acts[act]()

    assert not SignedRecord.objects.exists()
    assert Event.objects.filter(act=Act.SIGNING_BLOCKED).count() == 1


@pytest.mark.both_databases
def test_a_database_that_does_not_answer_is_said(alice):
    def refuse(execute, sql, params, many, context):
        raise DatabaseError("gone")

    with connection.execute_wrapper(refuse):
        assert gate.problems(by=alice) == ["The database does not answer."]


def test_the_page_shows_what_stops_signing(draft, alice, settings):
    settings.SCRIPT_NETWORK_URL = ""

    [blocker] = review.blockers(draft, snapshot.take([draft], by=alice), by=alice)

    assert blocker.label == "No pharmacy network is configured."
    assert blocker.remedy


def test_a_stranger_is_told_only_that_it_is_not_theirs(draft, sam):
    assert review.blockers(draft, snapshot.take([draft], by=sam), by=sam) == [
        review.NOT_YOURS
    ]


@pytest.mark.both_databases
@pytest.mark.cfr("1306.05(a)")
def test_midnight_between_the_rules_and_the_signature_stops_it(
    alice, ready, phone, monkeypatch
):
    """Adversarial case I16: the rules were asked on one day, the stamp is of another."""
    challenge = prove([ready], phone)
    use = ceremony._consume

    def slowly(*args, **kwargs):
        use(*args, **kwargs)
        tomorrow.start()

    tomorrow = time_machine.travel(timezone.now() + timedelta(days=1))
    monkeypatch.setattr(ceremony, "_consume", slowly)

    with pytest.raises(ceremony.NotSignable, match="the day is another"):
        ceremony.sign([ready], by=alice, challenge=challenge, session_key=SESSION)
    tomorrow.stop()

    ready.refresh_from_db()
    assert ready.status == Status.READY
    assert not SignedRecord.objects.exists()
