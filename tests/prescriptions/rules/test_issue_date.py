"""Dated as of, and signed on, the day issued, as the practice counts days (1306.05(a))."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.exceptions import FieldDoesNotExist
from django.utils import timezone

from prescriptions import content, verification
from prescriptions.models import Prescription, SignedRecord, Status
from prescriptions.signing import ceremony
from prescriptions.writing.forms import PrescriptionForm
from providers.models import Practice
from tests.prescriptions.factories import SESSION, make_ready, prove, sign

pytestmark = pytest.mark.django_db

ZONES = [
    "America/New_York",
    "America/Los_Angeles",
    "America/Phoenix",
    "America/Anchorage",
    "Pacific/Honolulu",
    "Pacific/Guam",
]
AN_HOUR = timedelta(hours=1)


def before_midnight(zone, day):
    """Return the last minute of a day at the practice."""
    return datetime(*day, 23, 59, 0, tzinfo=ZoneInfo(zone))


def at(moment):
    return time_machine.travel(moment, tick=False)


@pytest.fixture
def of(alice):
    """Move Alice's practice into a time zone."""

    def move(zone):
        Practice.objects.update(time_zone=zone)
        return alice.provider

    return move


@pytest.mark.cfr("1306.05(a)")
@pytest.mark.parametrize("zone", ZONES)
def test_the_day_is_that_of_the_practice_until_its_midnight(of, phone, zone):
    day = timezone.localdate(timezone=ZoneInfo(zone)) + timedelta(1)
    last_minute = before_midnight(zone, day.timetuple()[:3])
    with at(last_minute):
        ready = make_ready(of(zone))
        record = sign(ready, phone)

    assert ready.issued_on == day
    assert f'"issued_on":"{day.isoformat()}"' in record.payload
    assert record.signed_at.astimezone(UTC).date() in (day, day + timedelta(1))


@pytest.mark.cfr("1306.05(a)")
@pytest.mark.parametrize("zone", ZONES)
def test_a_mark_does_not_live_past_midnight_at_the_practice(of, alice, phone, zone):
    day = timezone.localdate(timezone=ZoneInfo(zone)) + timedelta(1)
    last_minute = before_midnight(zone, day.timetuple()[:3])
    with at(last_minute):
        ready = make_ready(of(zone))
    with at(last_minute + timedelta(minutes=1)):
        proof = prove([ready], phone)
        with pytest.raises(ceremony.NotSignable, match="the day is another"):
            ceremony.sign([ready], by=alice, challenge=proof, session_key=SESSION)

    ready.refresh_from_db()
    assert (ready.status, ready.issued_on) == (Status.READY, None)
    assert not SignedRecord.objects.exists()


@pytest.mark.cfr("1306.05(a)")
@pytest.mark.parametrize("days", [-1, 1])
def test_a_record_that_is_dated_another_day_does_not_verify(
    ready, phone, monkeypatch, days
):
    """Whoever holds the signing key and back-dates is found out all the same."""
    written = content.timestamp
    monkeypatch.setattr(
        content, "timestamp", lambda at: written(at + timedelta(days=days))
    )

    sign(ready, phone)

    assert verification.problem_with(SignedRecord.objects.get()) == (
        "it is dated another day than it was signed on."
    )


@pytest.mark.cfr("1306.05(a)")
@pytest.mark.parametrize(
    ("day", "hours"),
    [((2026, 3, 8), 23), ((2026, 11, 1), 25), ((2026, 7, 4), 24)],
    ids=["spring forward", "fall back", "an ordinary day"],
)
def test_a_day_is_as_long_as_its_clock_says(day, hours):
    practice = Practice(time_zone="America/New_York")
    start = datetime(*day, tzinfo=ZoneInfo("America/New_York")).astimezone(UTC)

    days = set()
    for hour in range(hours):
        with at(start + hour * AN_HOUR):
            days.add(practice.today().timetuple()[:3])
    with at(start + hours * AN_HOUR):
        next_day = practice.today().timetuple()[:3]

    assert days == {day}
    assert next_day != day


@pytest.mark.cfr("1306.05(a)")
@pytest.mark.parametrize("field", ["issued_on", "signed_at", "created_at"])
def test_nobody_writes_the_date_of_issue_down(field):
    """Neither back- nor post-dated: no form has it, and no field can be edited."""
    assert field not in PrescriptionForm.base_fields
    assert field not in Prescription.CONTENT
    try:
        assert not Prescription._meta.get_field(field).editable
    except FieldDoesNotExist:
        pytest.fail("The field was renamed.")
