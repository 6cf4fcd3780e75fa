"""Locks people can live with: every code is counted before it is verified.

A password is verified first and its result counts only with a reservation made after it:
while a lock lasts, right and wrong passwords get the same answer.

An attempt is reserved by one conditional UPDATE that counts it as a failure and sets
the lock that a failure would bring. A success releases its own reservation and no
other. NIST SP 800-63B 5.2.2: growing delays, at most 100 consecutive failures.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from django.db.models import Case, F, Model, Q, QuerySet, Value, When
from django.db.models.functions import Greatest

from audit import chain
from audit.acts import Act
from audit.reasons import Reason
from foundation.actors import User
from foundation.statements import update_returning
from mfa.models import Device, DeviceQuerySet, UserThrottle
from mfa.refusals import NotProven

FREE_FAILURES = 2
DELAYS = [30, 60, 120, 300, 900, 1800, 3600]  # seconds, from the third failure on
FORGET_AFTER = timedelta(hours=24)  # after a day without failures, delays start over
MAX_CONSECUTIVE_FAILURES = 100

Throttled = TypeVar("Throttled", Device, UserThrottle)


@dataclass(frozen=True)
class Reservation(Generic[Throttled]):
    """The cost of one attempt, and the row with it: released on success only."""

    row: Throttled
    at: datetime

    @property
    def locked_until(self) -> datetime | None:
        return self.row.locked_until

    @property
    def consecutive(self) -> int:
        return self.row.failures_since_success


@dataclass(frozen=True)
class Attempt:
    """One attempt, reserved on the user and on the device."""

    of_user: Reservation[UserThrottle]
    of_device: Reservation[Device]

    @property
    def device(self) -> Device:
        return self.of_device.row


def begin(
    sender: type[Model], instance: User, created: bool, raw: bool, **kwargs: object
) -> None:
    """Make the row of a new account, so that no attempt has to look for it."""
    if created and not raw:
        UserThrottle.objects.create(user=instance)


def delay_after(failures: int) -> timedelta:
    """Return how long this number of failures locks."""
    if failures <= FREE_FAILURES:
        return timedelta(0)
    position = min(failures - FREE_FAILURES, len(DELAYS)) - 1
    return timedelta(seconds=DELAYS[position])


def of(user: User) -> QuerySet[UserThrottle]:
    """Return the row that counts for a user, as a queryset."""
    return UserThrottle.objects.filter(user=user)


def reserve(
    rows: QuerySet[Throttled], *, now: datetime
) -> Reservation[Throttled] | None:
    """Count one attempt on a queryset of one row; return None while it is locked.

    An attempt during a lock changes nothing: it neither counts nor extends it. Nor is
    anything reserved where the row is missing.
    """
    lapsed = Q(throttling_failure_timestamp__lt=now - FORGET_AFTER)
    reserved = update_returning(
        rows.filter(Q(locked_until=None) | Q(locked_until__lte=now)),
        locked_until=_lock_of_next_failure(now, lapsed=lapsed),
        throttling_failure_count=Case(
            When(lapsed, then=Value(1)), default=F("throttling_failure_count") + 1
        ),
        throttling_failure_timestamp=now,
        failed_before=F("throttling_failure_timestamp"),
        failures_since_success=F("failures_since_success") + 1,
    )
    return Reservation(reserved[0], now) if reserved else None


def attempt(user: User, device: Device, *, now: datetime) -> Attempt | None:
    """Reserve one attempt on both rows, in the caller's transaction, or on neither.

    The user's row comes first: attempts with two devices of a user must not deadlock.
    """
    of_user = reserve(of(user), now=now)
    if of_user is None:
        return None
    of_device = reserve(Device.objects.filter(pk=device.pk), now=now)
    if of_device is None:
        release(of_user)
        return None
    return Attempt(of_user, of_device)


def release(reservation: Reservation[Throttled]) -> None:
    """Undo this reservation; other failures stay counted."""
    _give_back(
        reservation, failures_since_success=Greatest(F("failures_since_success") - 1, 0)
    )


def succeed(reservation: Reservation[Throttled]) -> None:
    """Undo this reservation and end the count of consecutive failures."""
    _give_back(reservation, failures_since_success=0)


def settle(attempt: Attempt, refusal: NotProven | None) -> None:
    """Release both reservations after a success; keep them after a failure.

    A used code is no guess: a double click counts but does not lock, or else the
    second click would void what the first one proved.
    """
    if refusal is None:
        succeed(attempt.of_device)
        succeed(attempt.of_user)
        return
    if refusal.reason == Reason.USED:
        _lift(attempt.of_device)
        _lift(attempt.of_user)
    _disable_after_too_many(attempt)


def _give_back(reservation: Reservation[Throttled], **counts: Any) -> None:
    _rows(reservation).update(
        locked_until=_unless_since_changed(
            "locked_until", reservation.locked_until, put_back=None
        ),
        # A success is no failure: the day without failures runs from the last real one.
        throttling_failure_timestamp=_unless_since_changed(
            "throttling_failure_timestamp",
            reservation.at,
            put_back=reservation.row.failed_before,
        ),
        throttling_failure_count=Greatest(F("throttling_failure_count") - 1, 0),
        **counts,
    )


def _lift(reservation: Reservation[Throttled]) -> None:
    """Lift the lock that this reservation brought; the attempt stays counted."""
    if until := reservation.locked_until:
        _rows(reservation).filter(locked_until=until).update(locked_until=None)


def _rows(reservation: Reservation[Throttled]) -> QuerySet[Throttled]:
    return type(reservation.row)._default_manager.filter(pk=reservation.row.pk)


def _unless_since_changed(
    column: str, written: datetime | None, *, put_back: datetime | None
) -> Case:
    """Return what was there before, unless a later attempt has written its own."""
    return Case(When(**{column: written}, then=Value(put_back)), default=F(column))


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


def _disable_after_too_many(attempt: Attempt) -> None:
    of_user, of_device = attempt.of_user, attempt.of_device
    if of_user.consecutive >= MAX_CONSECUTIVE_FAILURES:
        _disable(
            Device.objects.filter(user=of_user.row.user_id).usable(), at=of_user.at
        )
    elif of_device.consecutive >= MAX_CONSECUTIVE_FAILURES:
        _disable(Device.objects.filter(pk=of_device.row.pk), at=of_device.at)


def _disable(devices: DeviceQuerySet, *, at: datetime) -> None:
    for device in list(devices.select_related("user")):
        row = Device.objects.filter(pk=device.pk)
        row.filter(is_primary=True).update(lost_primary_at=at)
        row.update(disabled_at=at, is_primary=False)
        chain.record(
            Act.DEVICE_DISABLED, by=device.user, of=device, reason=Reason.FAILURES
        )
