"""Pairing a phone: a QR code for the phone, and a number back for the portal.

Who scans the code gives a key; only the number that the scanning phone then shows, typed
where the pairing began, makes a device of it. So a photograph of the code is of no use.
"""

import hashlib
import os
import re
from base64 import urlsafe_b64encode
from datetime import datetime
from hmac import compare_digest

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from joserfc.jwk import ECKey

from mfa import throttle
from mfa.enrollment import binding
from mfa.enrollment.binding import EnrollmentRefused
from mfa.models import Challenge, Device, Kind, Source
from mfa.phones import messages

TOKEN_LENGTH = 32  # bytes
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


class WrongNumber(EnrollmentRefused):
    """The number was not the one on the phone; it may be tried again."""


def begin(
    user,
    *,
    session_key: str,
    authenticated_at: datetime | None,
    proof: Challenge | None = None,
) -> Device:
    """Start over with a new one-time token and return the unconfirmed device."""
    device = Device(user=user, name="", kind=Kind.PUSH, source=Source.PORTAL)
    token = os.urandom(TOKEN_LENGTH)
    device.set_seed(token)
    device.pairing_digest = _digest(_text(token))
    binding.begin(
        device,
        session_key=session_key,
        authenticated_at=authenticated_at,
        proof=proof,
    )
    return device


def pending(user, *, session_key: str) -> Device | None:
    """Return the phone being paired in this session, unless it was guessed at."""
    device = binding.pending(user, kind=Kind.PUSH, session_key=session_key)
    return None if device is None or is_over(device) else device


def is_over(device: Device) -> bool:
    """Say whether nobody can finish this pairing any more."""
    is_late = device.created_at <= timezone.now() - binding.FINISH_WITHIN
    used_up = device.failures_since_success >= binding.MOST_WRONG_ANSWERS
    return not device.confirmed and (is_late or used_up)


def address(device: Device) -> str:
    """Return what the QR code says; after the # it is sent to no server and in no log."""
    return f"{settings.PORTAL_ORIGIN}{reverse('phone')}#pair={_text(device.seed())}"


def claim(token: object, *, key: ECKey) -> Device | None:
    """Give the key to the device that waits for this token; once, or return nothing.

    Unknown, late and used tokens all get nothing.
    """
    if not isinstance(token, str) or not TOKEN.fullmatch(token):
        return None
    waiting = Device.objects.filter(
        pairing_digest=_digest(token),
        confirmed=False,
        public_key="",
        retired_at=None,
        user__is_active=True,
        created_at__gt=timezone.now() - binding.FINISH_WITHIN,
    )
    device = waiting.first()
    if device is None or not _give(device, key):
        return None
    return device


def confirm(
    device: Device, *, by, number: str, nickname: str, session_key: str
) -> Device:
    """Bind the phone whose number was typed; raise EnrollmentRefused or WrongNumber."""
    nickname = binding.nickname_of(nickname)
    current = binding.still_pending(device, by=by, session_key=session_key)
    if not current.public_key:
        raise EnrollmentRefused("Scan the QR code with the phone first.")
    reservation = binding.reserve(current, by=by)
    expected = comparison_number(current)
    if not compare_digest(number.encode(), expected.encode()):
        binding.refused(by, "wrong_number")
        raise WrongNumber(
            "That is not the number on the phone that scanned the code. If your phone "
            "shows no number, somebody else may have scanned it: cancel and start again."
        )
    throttle.release(Device.objects.filter(pk=current.pk), reservation)
    return binding.bind(current, by=by, nickname=nickname)


def comparison_number(device: Device) -> str:
    """Return the number that the phone which scanned the code shows."""
    key = messages.stored_key(device.public_key)
    return messages.comparison_number(key, device=device.public_id)


def _give(device: Device, key: ECKey) -> bool:
    waiting = Device.objects.filter(pk=device.pk).exclude(pairing_digest="")
    try:
        with transaction.atomic(durable=True):
            given = waiting.update(
                public_key=messages.stored(key),
                pairing_digest="",
                sealed_seed="",
                seed_fingerprint="",
            )
    except IntegrityError:  # the key of another device
        return False
    return given == 1


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _text(token: bytes) -> str:
    return urlsafe_b64encode(token).rstrip(b"=").decode()
