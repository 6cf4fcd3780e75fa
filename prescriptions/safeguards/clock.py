"""This server's clock compared with NIST time (21 CFR 1311.120(b)(8)).

The worker measures; the gate reads the latest measurement. Without one of the last
hour the offset is unknown, and nobody signs outside demonstration mode.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from statistics import median

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit import chain
from audit.acts import Act, Outcome
from mfa import challenges
from prescriptions.models import ClockMeasurement, ClockState
from prescriptions.safeguards import sntp

MOST = 5 * 60  # seconds off; 21 CFR 1311.120(b)(8)
EVERY = 10 * 60  # seconds between measurements
GOOD_FOR = timedelta(hours=1)
KEPT_FOR = timedelta(days=2 * 366)
TIMEOUT = 2.0  # seconds for one server
ALL_WITHIN = 6.0  # seconds for all of them, names included
AGREEING = 5.0  # seconds between servers that agree

OFF = "The clock of this server is {seconds} seconds off NIST time."
NOT_COMPARED = (
    "The clock of this server was not compared with NIST time in the last hour."
)
WRONG = "The clock of this server is wrong."


def problems() -> list[str]:
    """Return the problems of the clock; an empty list means it is right."""
    return problems_in(list(_recent()))


def evidence() -> list[QuerySet[ClockMeasurement]]:
    """Return what to read for `problems_in`."""
    return [_recent()]


def problems_in(recent: list[ClockMeasurement]) -> list[str]:
    """Return the problems of the clock that the measurements of the last hour show."""
    if timezone.now().year not in challenges.PLAUSIBLE_YEARS:
        return [WRONG]
    newest = max(recent, key=lambda one: one.measured_at, default=None)
    if newest and newest.state == ClockState.DRIFT:
        return [OFF.format(seconds=round(abs(newest.offset_ms or 0) / 1000))]
    return [] if newest or settings.DEMO else [NOT_COMPARED]


def latest_measurement() -> ClockMeasurement | None:
    """Return the latest measurement with an offset of the last hour, or None."""
    return _recent().first()


def _recent() -> QuerySet[ClockMeasurement]:
    now = timezone.now()
    return ClockMeasurement.objects.filter(
        measured_at__gt=now - GOOD_FOR,
        measured_at__lte=now + chain.CLOCK_STEP,
        offset_ms__isnull=False,
    )


def measure() -> ClockMeasurement | None:
    """Compare the clock with NIST time if that is due; record a change of state."""
    now = timezone.now()
    slot = int(now.timestamp()) // EVERY
    if not settings.NTP_SERVERS or ClockMeasurement.objects.filter(slot=slot).exists():
        return None
    offset, source = _offset(settings.NTP_SERVERS)
    try:
        with transaction.atomic(durable=True):
            return _store(slot, at=now, offset=offset, source=source)
    except IntegrityError:
        return None  # another worker was faster


def _store(
    slot: int, *, at: datetime, offset: float | None, source: str
) -> ClockMeasurement:
    before = ClockMeasurement.objects.first()
    last_known = latest_measurement() if offset is None else None
    measurement = ClockMeasurement.objects.create(
        slot=slot,
        measured_at=at,
        offset_ms=None if offset is None else round(offset * 1000),
        source=source[:200],
        state=last_known.state if last_known else _state(offset),
    )
    ClockMeasurement.objects.filter(measured_at__lt=at - KEPT_FOR).delete()
    if before is None or before.state != measurement.state:
        _record_change(measurement, source=source)
    return measurement


def _record_change(measurement: ClockMeasurement, *, source: str) -> None:
    is_ok = measurement.state == ClockState.OK
    chain.record(
        Act.CLOCK_CHANGED,
        by=None,
        outcome=Outcome.SUCCESS if is_ok else Outcome.FAILURE,
        status=measurement.state,
        offset_ms=measurement.offset_ms,
        source=source,
    )


def _state(offset: float | None) -> ClockState:
    if offset is None:
        return ClockState.UNKNOWN
    return ClockState.OK if abs(offset) <= MOST else ClockState.DRIFT


def _offset(servers: list[str]) -> tuple[float | None, str]:
    """Return the median offset in seconds on which most servers agree, and which."""
    offsets = _offsets(servers)
    if 2 * len(offsets) < len(servers):
        return None, f"{len(offsets)} of {len(servers)} time servers answered"
    middle = median(offsets.values())
    agreeing = [
        server for server, offset in offsets.items() if abs(offset - middle) <= AGREEING
    ]
    if 2 * len(agreeing) <= len(offsets):
        return None, "the time servers contradict each other"
    return middle, ", ".join(agreeing)


def _offsets(servers: Iterable[str]) -> dict[str, float]:
    """Query all servers at once, so that a slow one delays nobody."""
    pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="ntp")
    queries = {
        pool.submit(sntp.offset_of, server, timeout=TIMEOUT): server
        for server in servers
    }
    done, _ = wait(queries, timeout=ALL_WITHIN)
    pool.shutdown(wait=False, cancel_futures=True)
    return {
        queries[query]: query.result() for query in done if query.exception() is None
    }
