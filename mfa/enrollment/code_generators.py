"""Enrollment of a code generator in the portal.

The seed is created here, shown once as a QR code, and bound only when the phone has
shown a code from it.
"""

import os
from dataclasses import dataclass

import pyotp
from django.utils import timezone

from audit.reasons import Reason
from foundation.actors import User
from mfa import throttle, totp
from mfa.enrollment import binding
from mfa.enrollment.binding import EnrollmentRefused
from mfa.models import Device, Kind, Source

SEED_LENGTH = 20  # bytes; RFC 4226 4, R6 recommends 160 bits
ISSUER = "EPCS Portal"


class WrongCode(EnrollmentRefused):
    """The code was not from the new device; another one may be tried."""


@dataclass(frozen=True)
class Provisioning:
    """The secret for the authenticator app: shown once, stored nowhere in clear."""

    uri: str
    secret: str

    @property
    def secret_in_groups(self) -> str:
        """Return the secret in groups of four characters, for typing."""
        groups = range(0, len(self.secret), 4)
        return " ".join(self.secret[start : start + 4] for start in groups)


def new_device(user: User) -> Device:
    """Return an unsaved code generator with a new seed, for `binding.begin`."""
    device = Device(user=user, name="", kind=Kind.CODE_GENERATOR, source=Source.PORTAL)
    device.set_seed(os.urandom(SEED_LENGTH))
    return device


def pending(user: User, *, session_key: str) -> Device | None:
    """Return the code generator being added in this session, or None."""
    return binding.pending(user, kind=Kind.CODE_GENERATOR, session_key=session_key)


def provisioning(device: Device) -> Provisioning:
    """Return otpauth URI and secret; raise EnrollmentRefused once it is confirmed."""
    if device.confirmed:
        raise EnrollmentRefused("A secret is shown only while a device is being added.")
    secret = totp.to_base32(device.seed())
    uri = pyotp.TOTP(secret).provisioning_uri(
        name=device.user.get_username(), issuer_name=ISSUER
    )
    return Provisioning(uri=uri, secret=secret)


def confirm(
    device: Device, *, by: User, code: str, nickname: str, session_key: str
) -> Device:
    """Bind the new device by its first correct code; return it.

    Raise WrongCode, or EnrollmentRefused when enrollment must start again. The code
    is claimed, so that it cannot sign as well.
    """
    nickname = binding.clean_nickname(nickname)
    current = binding.still_pending(device, by=by, session_key=session_key)
    step = _check_code(current, by=by, code=code)
    return binding.bind(current, by=by, nickname=nickname, last_step=step)


def _check_code(device: Device, *, by: User, code: str) -> int:
    reservation = binding.reserve(device, by=by)
    steps = totp.acceptable_steps(totp.step_at(timezone.now().timestamp()))
    step = None
    if totp.is_well_formed(code):
        step = totp.matching_step(device.seed(), code, steps=steps)
    if step is None:
        binding.record_refusal(by, reason=Reason.WRONG_CODE)
        raise WrongCode(
            "That is not the current code of the new device. Check that its date and "
            "time are set automatically, then enter the next code."
        )
    throttle.release(reservation)
    return step
