"""Fail closed: with anything out of order, nothing is marked or signed."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import DatabaseError, connection
from django.utils import timezone

from prescriptions import gate, signing
from prescriptions.models import SignedRecord, Status
from tests.prescriptions.factories import SESSION, prove

pytestmark = pytest.mark.django_db


def test_in_order_there_is_nothing_to_say(alice):
    assert gate.problems(by=alice) == []
    assert gate.problems() == []


@pytest.mark.cfr("1311.120(b)(8)")
def test_a_clock_that_is_years_off_stops_signing(draft, alice):
    with time_machine.travel(datetime(2001, 1, 1, tzinfo=UTC)):
        found = gate.problems(by=alice)

    assert "The clock of this server is wrong." in found


def test_a_database_that_does_not_answer_is_said(alice):
    def refuse(execute, sql, params, many, context):
        raise DatabaseError("gone")

    with connection.execute_wrapper(refuse):
        assert gate.problems(by=alice) == ["The database does not answer."]


def test_the_page_shows_what_stops_signing(draft, alice, settings):
    settings.SCRIPT_NETWORK_URL = ""

    [blocker] = signing.blockers(draft, by=alice)

    assert blocker.label == "No pharmacy network is configured."
    assert blocker.remedy


def test_a_stranger_is_told_only_that_it_is_not_theirs(draft, sam):
    assert signing.blockers(draft, by=sam) == [signing.NOT_YOURS]


@pytest.mark.cfr("1306.05(a)")
def test_midnight_between_the_rules_and_the_signature_stops_it(
    alice, ready, phone, monkeypatch
):
    """Adversarial case I16: the rules were asked on one day, the stamp is of another."""
    challenge = prove([ready], phone)
    use = signing._use

    def slowly(*args, **kwargs):
        use(*args, **kwargs)
        tomorrow.start()

    tomorrow = time_machine.travel(timezone.now() + timedelta(days=1))
    monkeypatch.setattr(signing, "_use", slowly)

    with pytest.raises(signing.NotSignable, match="the day is another"):
        signing.sign([ready], by=alice, challenge=challenge, session_key=SESSION)
    tomorrow.stop()

    ready.refresh_from_db()
    assert ready.status == Status.READY
    assert not SignedRecord.objects.exists()
