"""What it takes to add a device here, whatever kind: who, when, and where it is finished.

Right after a fresh ID.me sign-in, with the word of a device that is there already, in
one session, within ten minutes.
"""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import chain
from audit.acts import Act, Outcome
from foundation import notices
from mfa import challenges, devices, refusals, throttle
from mfa.models import (
    Challenge,
    Device,
    IdmeAccount,
    Kind,
    Purpose,
    Source,
    session_digest,
)

FINISH_WITHIN = timedelta(minutes=10)
FRESH_WITHIN = timedelta(minutes=10)  # since the ID.me authentication
MOST_WRONG_ANSWERS = 5


class EnrollmentRefused(Exception):
    """The device was not added; the message says why and what to do."""


def begin(
    device: Device,
    *,
    session_key: str,
    authenticated_at: datetime | None,
    proof: Challenge | None = None,
) -> None:
    """Keep a new unconfirmed device in place of any that was not finished.

    A user who has a device already proves it first (SP 800-63B 6.1.2.1).
    """
    user = device.user
    if not IdmeAccount.objects.linked().filter(user=user).exists():
        refused(user, "not_linked")
        raise EnrollmentRefused("Verify with ID.me first, then add a device.")
    if not is_fresh(authenticated_at):
        refused(user, "not_fresh")
        raise EnrollmentRefused(
            "Sign in to ID.me again: a device is added within "
            f"{FRESH_WITHIN.seconds // 60} minutes of it."
        )
    with transaction.atomic(durable=True):
        if needs_proof(user):
            _consume(proof, by=user, session_key=session_key)
        _unconfirmed(user).delete()
        device.enrolment_session = session_digest(session_key)
        device.save()
        chain.record(Act.DEVICE_ENROLMENT_STARTED, by=user, of=device)


def is_fresh(authenticated_at: datetime | None) -> bool:
    """Say whether an ID.me authentication is recent enough to add a device."""
    if authenticated_at is None:
        return False
    age = timezone.now() - authenticated_at
    return -timedelta(seconds=30) <= age <= FRESH_WITHIN


def needs_proof(user) -> bool:
    """Say whether the user has a device that has to agree to the next one."""
    return Device.objects.visible_to(user).usable().exists()


def addition_digest(user) -> str:
    """Return what a challenge to add a device is bound to."""
    return challenges.digest_of("add_device", user=str(user.pk))


def pending(user, *, kind: Kind, session_key: str) -> Device | None:
    """Return the device being added in this session, if its ten minutes are not over."""
    return (
        _unconfirmed(user)
        .filter(
            kind=kind,
            enrolment_session=session_digest(session_key),
            created_at__gt=timezone.now() - FINISH_WITHIN,
        )
        .first()
    )


def still_pending(device: Device, *, by, session_key: str) -> Device:
    """Return the device as it is now; raise EnrollmentRefused when its time is over."""
    current = pending(by, kind=Kind(device.kind), session_key=session_key)
    if current is None or current.pk != device.pk:
        refused(by, "expired")
        raise EnrollmentRefused("The time to add this device is over. Start again.")
    return current


def reserve(device: Device, *, by) -> throttle.Reservation:
    """Count one try at the new device before it is looked at; few are left, or none."""
    row = Device.objects.filter(pk=device.pk, confirmed=False)
    reservation = None
    with transaction.atomic(durable=True):
        tried = row.select_for_update(no_key=True).first()
        if tried and tried.failures_since_success < MOST_WRONG_ANSWERS:
            reservation = throttle.reserve(row, now=timezone.now())
    if reservation is not None:
        return reservation
    locked_until = row.values_list("locked_until", flat=True).first()
    refused(by, "locked" if locked_until else "too_many")
    if locked_until and locked_until > timezone.now():
        raise refusals.Locked(locked_until)
    raise EnrollmentRefused("Too many wrong answers. Start again with a new QR code.")


def bind(device: Device, *, by, nickname: str, **facts) -> Device:
    """Confirm a device that has shown itself, under a nickname, and tell its owner."""
    try:
        with transaction.atomic(durable=True):
            confirmed = Device.objects.filter(pk=device.pk, confirmed=False).update(
                confirmed=True,
                name=nickname,
                enrolment_session="",
                throttling_failure_count=0,
                failures_since_success=0,
                locked_until=None,
                **facts,
            )
            if not confirmed:
                raise EnrollmentRefused("This device was added already.")
            chain.record(Act.DEVICE_ADDED, by=by, of=device, source=Source.PORTAL)
            notices.send(
                by,
                subject="A device was added to your account",
                template="mfa/mail/device_added.txt",
                device=nickname,
            )
    except IntegrityError:
        raise EnrollmentRefused(
            f"You already have a device called “{nickname}”. Choose another nickname."
        ) from None
    return Device.objects.get(pk=device.pk)


def nickname_of(text: str) -> str:
    """Return a nickname without stray blanks; raise EnrollmentRefused on its length."""
    try:
        return devices.cleaned_nickname(text)
    except devices.DeviceChangeRefused as refusal:
        raise EnrollmentRefused(str(refusal)) from None


def refused(user, reason: str) -> None:
    """Put on record that a device was not added."""
    chain.record(
        Act.DEVICE_ENROLMENT_REFUSED, by=user, outcome=Outcome.FAILURE, reason=reason
    )


def _consume(proof: Challenge | None, *, by, session_key: str) -> None:
    if proof is None:
        raise EnrollmentRefused("Confirm with one of the devices you already have.")
    challenges.consume(
        proof,
        user=by,
        purpose=Purpose.ADD_DEVICE,
        payload_digest=addition_digest(by),
        session_key=session_key,
    )


def _unconfirmed(user):
    return Device.objects.visible_to(user).filter(confirmed=False)
