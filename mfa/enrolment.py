"""Adding a code generator in the portal, right after a fresh ID.me sign-in.

The seed is made here, shown once as a QR code, and bound only when the phone has
produced a code of it within ten minutes, in the session that asked.
"""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyotp
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import chain
from audit.acts import Act, Outcome
from mfa import challenges, devices, notices, throttle, totp
from mfa.models import (
    Challenge,
    Device,
    IdmeAccount,
    Kind,
    Purpose,
    Source,
    session_digest,
)

SEED_LENGTH = 20  # bytes; RFC 4226 4, R6 recommends 160 bits
FINISH_WITHIN = timedelta(minutes=10)
FRESH_WITHIN = timedelta(minutes=10)  # since the ID.me authentication
MOST_WRONG_CODES = 5
ISSUER = "EPCS Portal"


class EnrolmentRefused(Exception):
    """The device was not added; the message says why and what to do."""


class WrongCode(EnrolmentRefused):
    """The code was not one of the new device; it may be tried again."""


@dataclass(frozen=True)
class Provisioning:
    """What the authenticator app needs, to be shown once and kept nowhere."""

    uri: str
    secret: str

    @property
    def secret_in_groups(self) -> str:
        groups = range(0, len(self.secret), 4)
        return " ".join(self.secret[start : start + 4] for start in groups)


def begin(
    user,
    *,
    session_key: str,
    authenticated_at: datetime | None,
    proof: Challenge | None = None,
) -> Device:
    """Start over with a new seed and return the unconfirmed device.

    A user who has a device already proves it first (SP 800-63B 6.1.2.1).
    """
    if not IdmeAccount.objects.linked().filter(user=user).exists():
        _refused(user, "not_linked")
        raise EnrolmentRefused("Verify with ID.me first, then add a device.")
    if not is_fresh(authenticated_at):
        _refused(user, "not_fresh")
        raise EnrolmentRefused(
            "Sign in to ID.me again: a device is added within "
            f"{FRESH_WITHIN.seconds // 60} minutes of it."
        )
    with transaction.atomic(durable=True):
        if needs_proof(user):
            _consume(proof, by=user, session_key=session_key)
        _pending(user).delete()
        device = Device(
            user=user,
            name="",
            kind=Kind.CODE_GENERATOR,
            source=Source.PORTAL,
            enrolment_session=session_digest(session_key),
        )
        device.set_seed(os.urandom(SEED_LENGTH))
        device.save()
        chain.record(Act.DEVICE_ENROLMENT_STARTED, by=user, of=device)
    return device


def is_fresh(authenticated_at: datetime | None) -> bool:
    """Say whether an ID.me authentication is recent enough to add a device."""
    if authenticated_at is None:
        return False
    age = timezone.now() - authenticated_at
    return -timedelta(seconds=30) <= age <= FRESH_WITHIN


def pending(user, *, session_key: str) -> Device | None:
    """Return the device being added in this session, if its ten minutes are not over."""
    return (
        _pending(user)
        .filter(
            enrolment_session=session_digest(session_key),
            created_at__gt=timezone.now() - FINISH_WITHIN,
        )
        .first()
    )


def provisioning(device: Device) -> Provisioning:
    """Return the otpauth URI and the secret of an unconfirmed device."""
    if device.confirmed:
        raise EnrolmentRefused("A secret is shown only while a device is being added.")
    secret = totp.to_base32(device.seed())
    uri = pyotp.TOTP(secret).provisioning_uri(
        name=device.user.get_username(), issuer_name=ISSUER
    )
    return Provisioning(uri=uri, secret=secret)


def addition_digest(user) -> str:
    """Return what a challenge to add a device is bound to."""
    return challenges.digest_of("add_device", user=str(user.pk))


def needs_proof(user) -> bool:
    """Say whether the user has a device that has to agree to the next one."""
    return Device.objects.visible_to(user).usable().exists()


def confirm(
    device: Device, *, by, code: str, nickname: str, session_key: str
) -> Device:
    """Bind the new device once it has produced a right code.

    Raise WrongCode, or EnrolmentRefused when it has to be started again. The code
    that confirms is claimed, so that it cannot sign as well.
    """
    try:
        nickname = devices.cleaned_nickname(nickname)
    except devices.NotAllowed as refusal:
        raise EnrolmentRefused(str(refusal)) from None
    current = pending(by, session_key=session_key)
    if current is None or current.pk != device.pk:
        _refused(by, "expired")
        raise EnrolmentRefused("The time to add this device is over. Start again.")
    step = _check_code(current, by=by, code=code)
    try:
        with transaction.atomic(durable=True):
            confirmed = Device.objects.filter(
                pk=current.pk, confirmed=False, last_step__lt=step
            ).update(
                confirmed=True,
                name=nickname,
                last_step=step,
                enrolment_session="",
                throttling_failure_count=0,
                failures_since_success=0,
                locked_until=None,
            )
            if not confirmed:
                raise EnrolmentRefused("This device was added already.")
            chain.record(Act.DEVICE_ADDED, by=by, of=current, source=Source.PORTAL)
            notices.send(
                by,
                subject="A device was added to your account",
                template="mfa/mail/device_added.txt",
                device=nickname,
            )
    except IntegrityError:
        raise EnrolmentRefused(
            f"You already have a device called “{nickname}”. Choose another nickname "
            "and enter the next code."
        ) from None
    return Device.objects.get(pk=current.pk)


def _check_code(device: Device, *, by, code: str) -> int:
    now = timezone.now()
    row = Device.objects.filter(pk=device.pk, confirmed=False)
    with transaction.atomic(durable=True):
        attempts = row.filter(failures_since_success__lt=MOST_WRONG_CODES)
        reservation = throttle.reserve(attempts, now=now)
    if reservation is None:
        locked_until = row.values_list("locked_until", flat=True).first()
        _refused(by, "locked" if locked_until else "too_many")
        if locked_until and locked_until > now:
            raise challenges.Locked(locked_until)
        raise EnrolmentRefused("Too many wrong codes. Start again with a new QR code.")
    steps = totp.acceptable_steps(totp.step_at(now.timestamp()))
    step = None
    if totp.is_well_formed(code):
        step = totp.matching_step(device.seed(), code, steps=steps)
    if step is None:
        _refused(by, "wrong_code")
        raise WrongCode(
            "That is not the current code of the new device. Check that its date and "
            "time are set automatically, then enter the next code."
        )
    throttle.release(row, reservation)
    return step


def _consume(proof: Challenge | None, *, by, session_key: str) -> None:
    if proof is None:
        raise EnrolmentRefused("Confirm with one of the devices you already have.")
    challenges.consume(
        proof,
        user=by,
        purpose=Purpose.ADD_DEVICE,
        payload_digest=addition_digest(by),
        session_key=session_key,
    )


def _pending(user):
    return Device.objects.visible_to(user).filter(confirmed=False)


def _refused(user, reason: str) -> None:
    chain.record(
        Act.DEVICE_ENROLMENT_REFUSED, by=user, outcome=Outcome.FAILURE, reason=reason
    )
