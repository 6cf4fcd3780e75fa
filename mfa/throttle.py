"""Locks people can live with: every attempt is paid for before it is looked at.

An attempt is reserved by one conditional UPDATE that counts it as a failure and sets
the lock that a failure would bring. Success takes back its own reservation and no
other. NIST SP 800-63B 5.2.2: growing delays, 100 consecutive failures at the most.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.functions import Greatest

FREE_FAILURES = 2
DELAYS = [30, 60, 120, 300, 900, 1800, 3600]  # seconds, from the third failure on
FORGET_AFTER = timedelta(hours=24)  # a quiet day brings the short delays back
MOST_CONSECUTIVE_FAILURES = 100


@dataclass(frozen=True)
class Reservation:
    """What one attempt cost: given back on success, kept on failure."""

    locked_until: datetime | None
    consecutive: int
    at: datetime
    failed_before: datetime | None


def delay_after(failures: int) -> timedelta:
    """Return how long the given number of failures locks."""
    if failures <= FREE_FAILURES:
        return timedelta(0)
    position = min(failures - FREE_FAILURES, len(DELAYS)) - 1
    return timedelta(seconds=DELAYS[position])


def reserve(rows: QuerySet, *, now: datetime) -> Reservation | None:
    """Count one attempt on the one row of `rows`, or return None while it is locked.

    An attempt during a lock changes nothing: it neither counts nor extends.
    """
    failed_before = rows.values_list("throttling_failure_timestamp", flat=True).first()
    unlocked = rows.filter(Q(locked_until=None) | Q(locked_until__lte=now))
    lapsed = When(throttling_failure_timestamp__lt=now - FORGET_AFTER, then=Value(1))
    reserved = unlocked.update(
        locked_until=Case(
            When(throttling_failure_timestamp__lt=now - FORGET_AFTER, then=None),
            *[
                When(
                    throttling_failure_count=before,
                    then=Value(_lock_from(now, failures=before + 1)),
                )
                for before in range(FREE_FAILURES + len(DELAYS))
            ],
            default=Value(now + timedelta(seconds=DELAYS[-1])),
        ),
        throttling_failure_count=Case(
            lapsed, default=F("throttling_failure_count") + 1
        ),
        throttling_failure_timestamp=now,
        failures_since_success=F("failures_since_success") + 1,
    )
    if not reserved:
        return None
    locked_until, consecutive = rows.values_list(
        "locked_until", "failures_since_success"
    ).get()
    return Reservation(locked_until, consecutive, now, failed_before)


def lift(rows: QuerySet, reservation: Reservation) -> None:
    """Lift the lock that one's own reservation brought; it stays counted."""
    rows.filter(locked_until=reservation.locked_until).update(locked_until=None)


def release(rows: QuerySet, reservation: Reservation) -> None:
    """Take back one's own reservation; other failures stay counted."""
    lift(rows, reservation)
    # A success is no failure: the quiet day goes on from the last real one.
    rows.filter(throttling_failure_timestamp=reservation.at).update(
        throttling_failure_timestamp=reservation.failed_before
    )
    rows.update(
        throttling_failure_count=Greatest(F("throttling_failure_count") - 1, 0),
        failures_since_success=Greatest(F("failures_since_success") - 1, 0),
    )


def succeed(rows: QuerySet, reservation: Reservation) -> None:
    """Take back one's own reservation and end the row of consecutive failures."""
    release(rows, reservation)
    rows.update(failures_since_success=0)


def _lock_from(now: datetime, *, failures: int) -> datetime | None:
    delay = delay_after(failures)
    return now + delay if delay else None
