"""Signing stops when the clock is five minutes off NIST time, or nobody knows."""

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.acts import Act, Outcome
from audit.models import Event
from prescriptions.models import ClockMeasurement, ClockState, SignedRecord, Status
from prescriptions.safeguards import clock
from prescriptions.signing import ceremony, gate
from tests.prescriptions.factories import SESSION, make_draft, prove
from tests.prescriptions.safeguards.time_server import TimeServer

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def time_servers(settings):
    """Ask servers of this machine that are so many seconds ahead."""
    with ExitStack() as stack:

        def serve(*aheads):
            servers = [
                stack.enter_context(
                    TimeServer(ahead=ahead or 0, leap=3 if ahead is None else 0)
                )
                for ahead in aheads
            ]
            settings.NTP_SERVERS = [server.address for server in servers]
            return servers

        yield serve


def changes():
    events = Event.objects.filter(act=Act.CLOCK_CHANGED).order_by("sequence")
    return [(event.detail["status"], event.outcome) for event in events]


@pytest.mark.cfr("1311.120(b)(8)")
@pytest.mark.parametrize("seconds", [0, 299, -299])
def test_within_five_minutes_one_may_sign(time_servers, alice, draft, seconds):
    time_servers(seconds)
    measurement = clock.measure()

    assert measurement.state == ClockState.OK
    assert measurement.offset_ms == pytest.approx(seconds * 1000, abs=300)
    assert gate.problems(by=alice) == []
    ceremony.mark_ready(draft, by=alice)


@pytest.mark.cfr("1311.120(b)(8)")
@pytest.mark.cfr("1311.100(d)")
@pytest.mark.cfr("1311.102(f)")
@pytest.mark.parametrize("seconds", [301, -301, 4000])
def test_beyond_five_minutes_nothing_is_marked_or_signed(
    time_servers, alice, phone, ready, seconds
):
    other = make_draft(alice.provider)
    challenge = prove([ready], phone)
    time_servers(seconds)
    clock.measure()

    with pytest.raises(ceremony.NotSignable, match="seconds off NIST time"):
        ceremony.mark_ready(other, by=alice)
    with pytest.raises(ceremony.NotSignable, match=f"{abs(seconds)} seconds off"):
        ceremony.sign([ready], by=alice, challenge=challenge, session_key=SESSION)

    ready.refresh_from_db()
    assert ready.status == Status.READY
    assert not SignedRecord.objects.exists()
    assert Event.objects.filter(act=Act.SIGNING_BLOCKED).count() == 2


@pytest.mark.cfr("1311.120(b)(8)")
def test_outside_a_demonstration_an_unknown_clock_stops_signing(settings, alice, draft):
    settings.DEMO = False

    assert clock.NOT_COMPARED in gate.problems(by=alice)
    with pytest.raises(ceremony.NotSignable, match="not compared with NIST time"):
        ceremony.mark_ready(draft, by=alice)


def test_in_a_demonstration_an_unknown_clock_is_let_pass(alice):
    assert clock.latest_measurement() is None
    assert gate.problems(by=alice) == []


@pytest.mark.cfr("1311.120(b)(8)")
def test_a_measurement_is_good_for_an_hour(time_servers, settings):
    settings.DEMO = False
    time_servers(0)
    with time_machine.travel(NOON, tick=False) as now:
        ClockMeasurement.objects.create(
            slot=1, measured_at=NOON, offset_ms=10, state=ClockState.OK
        )
        now.shift(timedelta(minutes=59))
        assert clock.problems() == []
        now.shift(timedelta(minutes=1))
        assert clock.problems() == [clock.NOT_COMPARED]


def test_a_measurement_of_the_future_says_nothing(settings):
    """The clock was set back after it was measured."""
    settings.DEMO = False
    ClockMeasurement.objects.create(
        slot=1,
        measured_at=timezone.now() + timedelta(minutes=5),
        offset_ms=10,
        state=ClockState.OK,
    )

    assert clock.problems() == [clock.NOT_COMPARED]


def test_a_failed_attempt_leaves_what_was_known_for_the_hour(time_servers, settings):
    settings.DEMO = False
    with time_machine.travel(NOON, tick=False) as now:
        ClockMeasurement.objects.create(
            slot=1, measured_at=NOON, offset_ms=10, state=ClockState.OK
        )
        time_servers(None)
        now.shift(timedelta(minutes=20))
        assert clock.measure().state == ClockState.OK
        assert clock.problems() == []
        now.shift(timedelta(minutes=45))
        assert clock.measure().state == ClockState.UNKNOWN
        assert clock.problems() == [clock.NOT_COMPARED]

    assert changes() == [("unknown", Outcome.FAILURE)]


@pytest.mark.cfr("1311.120(b)(8)")
def test_only_a_change_of_its_state_is_put_on_record(time_servers):
    with time_machine.travel(NOON, tick=False) as now:
        for seconds in [0, 1, 400, 500, None, 0, 0]:
            time_servers(seconds)
            clock.measure()
            now.shift(timedelta(minutes=61))

    assert changes() == [
        ("ok", Outcome.SUCCESS),
        ("drift", Outcome.FAILURE),
        ("unknown", Outcome.FAILURE),
        ("ok", Outcome.SUCCESS),
    ]
    assert ClockMeasurement.objects.count() == 7


@pytest.mark.both_databases
def test_two_workers_measure_once(time_servers):
    [server] = time_servers(0)

    assert clock.measure() is not None
    assert clock.measure() is None
    assert len(server.asked) == 1
    slot = ClockMeasurement.objects.get().slot
    with pytest.raises(IntegrityError), transaction.atomic():
        ClockMeasurement.objects.create(
            slot=slot, measured_at=timezone.now(), state=ClockState.UNKNOWN
        )


def test_without_servers_nobody_is_asked(settings):
    settings.NTP_SERVERS = []

    assert clock.measure() is None
    assert not ClockMeasurement.objects.exists()


@pytest.mark.parametrize(
    ("aheads", "state", "offset"),
    [
        ([0, 0, 4000], ClockState.OK, 0),
        ([400, 401, 0], ClockState.DRIFT, 400),
        ([0, 0, None, None], ClockState.OK, 0),
        ([0, None, None], ClockState.UNKNOWN, None),
        ([0, 4000], ClockState.UNKNOWN, None),
        ([None, None], ClockState.UNKNOWN, None),
    ],
    ids=["one lies", "one stopped", "half answer", "most are silent"]
    + ["they contradict", "all silent"],
)
def test_what_most_servers_agree_on_counts(time_servers, aheads, state, offset):
    time_servers(*aheads)

    measurement = clock.measure()

    assert measurement.state == state
    if offset is None:
        assert measurement.offset_ms is None
    else:
        assert measurement.offset_ms == pytest.approx(offset * 1000, abs=1000)


def test_measurements_are_kept_for_two_years(time_servers):
    time_servers(0)
    for slot, days in [(1, 733), (2, 731)]:
        ClockMeasurement.objects.create(
            slot=slot,
            measured_at=timezone.now() - timedelta(days=days),
            offset_ms=0,
            state=ClockState.OK,
        )

    clock.measure()

    assert set(ClockMeasurement.objects.values_list("slot", flat=True)) >= {2}
    assert not ClockMeasurement.objects.filter(slot=1).exists()


@pytest.mark.both_databases
@pytest.mark.usefixtures("as_owner")
def test_a_measurement_is_not_changed_afterwards(time_servers):
    time_servers(400)
    clock.measure()

    with pytest.raises(IntegrityError, match="a measurement is not changed"):
        ClockMeasurement.objects.update(state=ClockState.OK)
