"""Binding a new device of any kind: who may, when, and where it is finished.

Within ten minutes of an ID.me sign-in, approved with a device the user already has, in
one session. NIST SP 800-63B 6.1.2.1.
"""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import chain
from audit.acts import Act, Outcome
from audit.reasons import Reason, ReasonChoices
from foundation.actors import User
from foundation.refusals import Refused
from mfa import challenges, devices, throttle
from mfa.models import (
    Challenge,
    Device,
    DeviceQuerySet,
    IdmeAccount,
    Intent,
    Kind,
    Purpose,
    Source,
    session_digest,
)
from mfa.refusals import Locked

FINISH_WITHIN = timedelta(minutes=10)
FRESH_WITHIN = timedelta(minutes=10)  # since the ID.me authentication
CLOCK_LEEWAY = timedelta(seconds=30)  # ID.me's clock ahead of ours
MAX_WRONG_ANSWERS = 5


class EnrollmentRefused(Refused):
    """The device was not added; the message says why and what to do."""


def begin(
    device: Device,
    *,
    session_key: str,
    authenticated_at: datetime | None,
    proof: Challenge | None = None,
) -> Device:
    """Save and return a new unconfirmed device, in place of any unfinished one.

    A user who has a usable device passes `proof` by it (SP 800-63B 6.1.2.1). Raise
    EnrollmentRefused or NotProven.
    """
    user = device.user
    _require_fresh_identity(user, authenticated_at)
    with transaction.atomic(durable=True):
        if devices.has_usable(user):
            _consume(proof, by=user, session_key=session_key)
        _unconfirmed(user).delete()
        device.enrolment_session = session_digest(session_key)
        device.save()
        chain.record(Act.DEVICE_ENROLMENT_STARTED, by=user, of=device)
    return device


def is_fresh(authenticated_at: datetime | None) -> bool:
    """Return True if an ID.me authentication is recent enough to add a device."""
    if authenticated_at is None:
        return False
    age = timezone.now() - authenticated_at
    return -CLOCK_LEEWAY <= age <= FRESH_WITHIN


def addition_digest(user: User) -> str:
    """Return the payload digest of adding a device."""
    return challenges.digest_of("add_device", user=str(user.pk))


def pending(user: User, *, kind: Kind, session_key: str) -> Device | None:
    """Return the device being added in this session, or None after ten minutes."""
    return (
        _unconfirmed(user)
        .filter(
            kind=kind,
            enrolment_session=session_digest(session_key),
            created_at__gt=timezone.now() - FINISH_WITHIN,
        )
        .first()
    )


def still_pending(device: Device, *, by: User, session_key: str) -> Device:
    """Return the device as it is now; raise EnrollmentRefused after its time is over."""
    current = pending(by, kind=Kind(device.kind), session_key=session_key)
    if current is None or current.pk != device.pk:
        record_refusal(by, reason=Reason.EXPIRED)
        raise EnrollmentRefused("The time to add this device is over. Start again.")
    return current


def reserve(device: Device, *, by: User) -> throttle.Reservation[Device]:
    """Count one attempt at the new device before it is verified.

    Raise Locked, or EnrollmentRefused after MAX_WRONG_ANSWERS.
    """
    row = Device.objects.filter(pk=device.pk, confirmed=False)
    reservation = None
    with transaction.atomic(durable=True):
        current = row.select_for_update(no_key=True).first()
        if current and current.failures_since_success < MAX_WRONG_ANSWERS:
            reservation = throttle.reserve(row, now=timezone.now())
    if reservation is not None:
        return reservation
    locked_until = row.values_list("locked_until", flat=True).first()
    record_refusal(by, reason=Reason.LOCKED if locked_until else Reason.TOO_MANY)
    if locked_until and locked_until > timezone.now():
        raise Locked(locked_until)
    raise EnrollmentRefused("Too many wrong answers. Start again with a new QR code.")


def bind(device: Device, *, by: User, nickname: str, last_step: int = -1) -> Device:
    """Confirm a device that has proven itself, and notify its owner; return it.

    Raise EnrollmentRefused when it is confirmed already or the nickname is taken.
    """
    try:
        with transaction.atomic(durable=True):
            _confirm(device, nickname=nickname, last_step=last_step)
            chain.record(Act.DEVICE_ADDED, by=by, of=device, source=Source.PORTAL)
            devices.notify_added(by, nickname=nickname)
    except IntegrityError:
        raise EnrollmentRefused(
            f"You already have a device called “{nickname}”. Choose another nickname."
        ) from None
    return Device.objects.get(pk=device.pk)


def clean_nickname(text: str) -> str:
    """Return a nickname without extra blanks; raise EnrollmentRefused on its length."""
    try:
        return devices.clean_nickname(text)
    except devices.DeviceChangeRefused as refusal:
        raise EnrollmentRefused(str(refusal)) from None


def record_refusal(user: User, *, reason: ReasonChoices) -> None:
    """Record that a device was not added."""
    chain.record(
        Act.DEVICE_ENROLMENT_REFUSED, by=user, outcome=Outcome.FAILURE, reason=reason
    )


def _require_fresh_identity(user: User, authenticated_at: datetime | None) -> None:
    if not IdmeAccount.objects.linked().filter(user=user).exists():
        record_refusal(user, reason=Reason.NOT_LINKED)
        raise EnrollmentRefused("Verify with ID.me first, then add a device.")
    if not is_fresh(authenticated_at):
        record_refusal(user, reason=Reason.NOT_FRESH)
        raise EnrollmentRefused(
            "Sign in to ID.me again: a device is added within "
            f"{FRESH_WITHIN.seconds // 60} minutes of it."
        )


def _confirm(device: Device, *, nickname: str, last_step: int) -> None:
    unconfirmed = Device.objects.filter(pk=device.pk, confirmed=False)
    if not unconfirmed.update(
        confirmed=True,
        name=nickname,
        last_step=last_step,
        enrolment_session="",
        throttling_failure_count=0,
        failures_since_success=0,
        locked_until=None,
    ):
        raise EnrollmentRefused("This device was added already.")


def _consume(proof: Challenge | None, *, by: User, session_key: str) -> None:
    if proof is None:
        raise EnrollmentRefused("Confirm with one of the devices you already have.")
    challenges.consume(
        proof, Intent(by, Purpose.ADD_DEVICE, addition_digest(by), session_key)
    )


def _unconfirmed(user: User) -> DeviceQuerySet:
    return Device.objects.visible_to(user).filter(confirmed=False)
