"""Locks people can live with: every attempt is counted before it is verified.

An attempt is reserved by one conditional UPDATE that counts it as a failure and sets
the lock that a failure would bring. A success releases its own reservation and no
other. NIST SP 800-63B 5.2.2: growing delays, at most 100 consecutive failures.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.functions import Greatest

from audit import chain
from audit.acts import Act
from audit.reasons import Reason
from mfa.models import Device, DeviceQuerySet, UserThrottle
from mfa.refusals import NotProven

FREE_FAILURES = 2
DELAYS = [30, 60, 120, 300, 900, 1800, 3600]  # seconds, from the third failure on
FORGET_AFTER = timedelta(hours=24)  # after a day without failures, delays start over
MAX_CONSECUTIVE_FAILURES = 100

Throttled: TypeAlias = "QuerySet[Device] | QuerySet[UserThrottle]"


@dataclass(frozen=True)
class Reservation:
    """The cost of one attempt: released on success, kept on failure."""

    locked_until: datetime | None
    consecutive: int
    at: datetime
    failed_before: datetime | None


def delay_after(failures: int) -> timedelta:
    """Return how long this number of failures locks."""
    if failures <= FREE_FAILURES:
        return timedelta(0)
    position = min(failures - FREE_FAILURES, len(DELAYS)) - 1
    return timedelta(seconds=DELAYS[position])


def reserve(row: Throttled, *, now: datetime) -> Reservation | None:
    """Count one attempt on a queryset of one row; return None while it is locked.

    An attempt during a lock changes nothing: it neither counts nor extends it.
    """
    failed_before = row.values_list("throttling_failure_timestamp", flat=True).first()
    unlocked = row.filter(Q(locked_until=None) | Q(locked_until__lte=now))
    lapsed = Q(throttling_failure_timestamp__lt=now - FORGET_AFTER)
    reserved = unlocked.update(
        locked_until=_lock_of_next_failure(now, lapsed=lapsed),
        throttling_failure_count=Case(
            When(lapsed, then=Value(1)), default=F("throttling_failure_count") + 1
        ),
        throttling_failure_timestamp=now,
        failures_since_success=F("failures_since_success") + 1,
    )
    if not reserved:
        return None
    locked_until, consecutive = row.values_list(
        "locked_until", "failures_since_success"
    ).get()
    return Reservation(locked_until, consecutive, now, failed_before)


def lift(row: Throttled, reservation: Reservation) -> None:
    """Lift the lock that this reservation brought; the attempt stays counted."""
    row.filter(locked_until=reservation.locked_until).update(locked_until=None)


def release(row: Throttled, reservation: Reservation) -> None:
    """Undo this reservation; other failures stay counted."""
    lift(row, reservation)
    # A success is no failure: the day without failures runs from the last real one.
    row.filter(throttling_failure_timestamp=reservation.at).update(
        throttling_failure_timestamp=reservation.failed_before
    )
    row.update(
        throttling_failure_count=Greatest(F("throttling_failure_count") - 1, 0),
        failures_since_success=Greatest(F("failures_since_success") - 1, 0),
    )


def succeed(row: Throttled, reservation: Reservation) -> None:
    """Undo this reservation and end the count of consecutive failures."""
    release(row, reservation)
    row.update(failures_since_success=0)


def settle(
    device: Device,
    refusal: NotProven | None,
    *,
    of_device: Reservation,
    of_user: Reservation,
) -> None:
    """Release both reservations after a success; keep them after a failure.

    A used code is no guess: a double click counts but does not lock, or else the
    second click would void what the first one proved.
    """
    device_row = Device.objects.filter(pk=device.pk)
    user_row = UserThrottle.objects.filter(user=device.user_id)
    if refusal is None:
        succeed(device_row, of_device)
        succeed(user_row, of_user)
        return
    if refusal.reason == Reason.USED:
        lift(device_row, of_device)
        lift(user_row, of_user)
    _disable_after_too_many(device, of_device=of_device, of_user=of_user)


def _lock_of_next_failure(now: datetime, *, lapsed: Q) -> Case:
    """Return `locked_until` after one more failure; `lapsed` starts the count over."""
    locks = [
        When(
            throttling_failure_count=failures,
            then=Value(_lock_after(now, failures=failures + 1)),
        )
        for failures in range(FREE_FAILURES + len(DELAYS))
    ]
    longest = Value(now + timedelta(seconds=DELAYS[-1]))
    return Case(When(lapsed, then=None), *locks, default=longest)


def _lock_after(now: datetime, *, failures: int) -> datetime | None:
    delay = delay_after(failures)
    return now + delay if delay else None


def _disable_after_too_many(
    device: Device, *, of_device: Reservation, of_user: Reservation
) -> None:
    if of_user.consecutive >= MAX_CONSECUTIVE_FAILURES:
        _disable(Device.objects.visible_to(device.user).usable(), at=of_user.at)
    elif of_device.consecutive >= MAX_CONSECUTIVE_FAILURES:
        _disable(Device.objects.filter(pk=device.pk), at=of_device.at)


def _disable(devices: DeviceQuerySet, *, at: datetime) -> None:
    for device in list(devices.select_related("user")):
        row = Device.objects.filter(pk=device.pk)
        row.filter(is_primary=True).update(lost_primary_at=at)
        row.update(disabled_at=at, is_primary=False)
        chain.record(
            Act.DEVICE_DISABLED, by=device.user, of=device, reason=Reason.FAILURES
        )
