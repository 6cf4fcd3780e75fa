"""Adding a code generator in the portal.

The seed is made here, shown once as a QR code, and bound only when the phone has
produced a code of it.
"""

import os
from dataclasses import dataclass
from datetime import datetime

import pyotp
from django.utils import timezone

from mfa import throttle, totp
from mfa.enrollment import binding
from mfa.enrollment.binding import EnrollmentRefused
from mfa.models import Challenge, Device, Kind, Source

SEED_LENGTH = 20  # bytes; RFC 4226 4, R6 recommends 160 bits
ISSUER = "EPCS Portal"


class WrongCode(EnrollmentRefused):
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
    """Start over with a new seed and return the unconfirmed device."""
    device = Device(user=user, name="", kind=Kind.CODE_GENERATOR, source=Source.PORTAL)
    device.set_seed(os.urandom(SEED_LENGTH))
    binding.begin(
        device,
        session_key=session_key,
        authenticated_at=authenticated_at,
        proof=proof,
    )
    return device


def pending(user, *, session_key: str) -> Device | None:
    """Return the code generator being added in this session."""
    return binding.pending(user, kind=Kind.CODE_GENERATOR, session_key=session_key)


def provisioning(device: Device) -> Provisioning:
    """Return the otpauth URI and the secret of an unconfirmed device."""
    if device.confirmed:
        raise EnrollmentRefused("A secret is shown only while a device is being added.")
    secret = totp.to_base32(device.seed())
    uri = pyotp.TOTP(secret).provisioning_uri(
        name=device.user.get_username(), issuer_name=ISSUER
    )
    return Provisioning(uri=uri, secret=secret)


def confirm(
    device: Device, *, by, code: str, nickname: str, session_key: str
) -> Device:
    """Bind the new device once it has produced a right code.

    Raise WrongCode, or EnrollmentRefused when it has to be started again. The code
    that confirms is claimed, so that it cannot sign as well.
    """
    nickname = binding.nickname_of(nickname)
    current = binding.still_pending(device, by=by, session_key=session_key)
    step = _check_code(current, by=by, code=code)
    return binding.bind(current, by=by, nickname=nickname, last_step=step)


def _check_code(device: Device, *, by, code: str) -> int:
    reservation = binding.reserve(device, by=by)
    steps = totp.acceptable_steps(totp.step_at(timezone.now().timestamp()))
    step = None
    if totp.is_well_formed(code):
        step = totp.matching_step(device.seed(), code, steps=steps)
    if step is None:
        binding.refused(by, "wrong_code")
        raise WrongCode(
            "That is not the current code of the new device. Check that its date and "
            "time are set automatically, then enter the next code."
        )
    throttle.release(Device.objects.filter(pk=device.pk), reservation)
    return step
