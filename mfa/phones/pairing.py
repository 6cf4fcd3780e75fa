"""Pairing a phone: a QR code for the phone, and a number back for the portal.

The phone that scans the code registers its key. It becomes a device only when the number
it then shows is typed where the pairing began, so a photo of the code is useless.
"""

import hashlib
import os
import re
from base64 import urlsafe_b64encode
from hmac import compare_digest

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from joserfc.jwk import ECKey

from foundation.actors import User
from mfa import throttle
from mfa.enrollment import binding
from mfa.enrollment.binding import EnrollmentRefused
from mfa.models import Device, Ending, Kind, Source
from mfa.phones import messages

TOKEN_LENGTH = 32  # bytes
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


class WrongNumber(EnrollmentRefused):
    """The number was not the one on the phone; another one may be tried."""


def new_device(user: User) -> Device:
    """Return an unsaved phone with a new pairing token, for `binding.begin`."""
    device = Device(user=user, name="", kind=Kind.PUSH, source=Source.PORTAL)
    token = os.urandom(TOKEN_LENGTH)
    device.set_seed(token)
    device.pairing_digest = _digest(_text(token))
    return device


def pending(user: User, *, session_key: str) -> Device | None:
    """Return the phone being paired in this session, or None once pairing is over."""
    device = binding.pending(user, kind=Kind.PUSH, session_key=session_key)
    return None if device is None or is_over(device) else device


def is_over(device: Device) -> bool:
    """Return True if this pairing can no longer be finished."""
    is_late = device.created_at <= timezone.now() - binding.FINISH_WITHIN
    is_exhausted = device.failures_since_success >= binding.MAX_WRONG_ANSWERS
    return not device.confirmed and (is_late or is_exhausted)


def address(device: Device) -> str:
    """Return the URL for the QR code; its token follows the #, so no server logs it."""
    return f"{settings.PORTAL_ORIGIN}{reverse('phone')}#pair={_text(device.seed())}"


def claim(token: object, *, key: ECKey) -> Device | None:
    """Register a phone's key for this token, once; return the device.

    Return None for an unknown, expired or used token alike.
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
    return device if device and _register(key, device=device) else None


def confirm(
    device: Device, *, by: User, number: str, nickname: str, session_key: str
) -> Device:
    """Bind the phone whose number was typed; raise WrongNumber or EnrollmentRefused."""
    nickname = binding.clean_nickname(nickname)
    current = binding.still_pending(device, by=by, session_key=session_key)
    if not current.public_key:
        raise EnrollmentRefused("Scan the QR code with the phone first.")
    reservation = binding.reserve(current, by=by)
    expected = comparison_number(current)
    if not compare_digest(number.encode(), expected.encode()):
        binding.record_refusal(by, reason=Ending.WRONG_NUMBER)
        raise WrongNumber(
            "That is not the number on the phone that scanned the code. If your phone "
            "shows no number, somebody else may have scanned it: cancel and start again."
        )
    throttle.release(reservation)
    return binding.bind(current, by=by, nickname=nickname)


def comparison_number(device: Device) -> str:
    """Return the number shown on the phone that scanned the code."""
    key = messages.stored_key(device.public_key)
    return messages.comparison_number(key, device=device.public_id)


def _register(key: ECKey, *, device: Device) -> bool:
    waiting = Device.objects.filter(pk=device.pk).exclude(pairing_digest="")
    try:
        with transaction.atomic(durable=True):
            registered = waiting.update(
                public_key=messages.stored(key),
                pairing_digest="",
                sealed_seed="",
                seed_fingerprint="",
            )
    except IntegrityError:  # another device has this key
        return False
    return registered == 1


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _text(token: bytes) -> str:
    return urlsafe_b64encode(token).rstrip(b"=").decode()
