"""Messages between a paired phone and the portal, each on its own.

No session and no cookie: a phone is identified by the key on file that signs.
"""

import re
import uuid
from hmac import compare_digest

from django.core.cache import cache
from django.utils import timezone

from mfa.models import Channel, Device, Ending, Kind, Push, Source
from mfa.phones import messages, pairing
from mfa.phones.messages import NotFromPhone
from mfa.push import answers

POLL_EVERY = 2  # seconds; the shortest interval between two polls
DECISIONS = {"decline": Ending.DENIED, "not_me": Ending.NOT_ME}
CONFIRMATIONS = {
    "approve": "Approved. Go on in the portal.",
    "decline": "Declined. Nothing was done in the portal.",
    "not_me": (
        "Reported. Nothing was done, you were signed out everywhere, and your "
        "administrators were told. Change your password in the portal now."
    ),
}
NUMBER = re.compile(r"[0-9]{2}")


class Retired(Exception):
    """The phone is known and no longer gets pushes; the message says why."""


class TooSoon(Exception):
    """The phone polls more often than it may."""


def sender(token: object, *, path: str) -> tuple[Device, dict]:
    """Return the phone that signed a message for this path, and its claims.

    Raise NotFromPhone, the same for an unknown device and a bad signature, or Retired.
    """
    paired = Device.objects.filter(kind=Kind.PUSH, source=Source.PORTAL)
    known = paired.exclude(public_key="").select_related("user")
    device = known.filter(public_id=messages.signer(token)).first()
    if device is None:
        raise NotFromPhone
    key = messages.stored_key(device.public_key)
    claims = messages.verified(token, key, path=path)
    _check_in_use(device)
    return device, claims


def waiting(device: Device) -> dict:
    """Return what the phone shows: its name and the pushes that wait for it.

    Never the number to match; nothing is written. Raise TooSoon.
    """
    if not cache.add(f"phone-polled-{device.pk}", True, POLL_EVERY):
        raise TooSoon
    return {
        "name": device.name,
        "is_confirmed": device.confirmed,
        "requests": [_shown(push) for push in answers.open_for(device)],
    }


def answer(device: Device, claims: dict) -> str:
    """Apply the phone's answer to a push; return the confirmation to show on it.

    Raise NotFromPhone unless it names exactly this push, answers.NotOpen if the push
    has ended, answers.WrongNumber.
    """
    push = _answered_push(device, claims)
    decision, number = claims.get("decision"), claims.get("number")
    if decision == "approve":
        is_number = isinstance(number, str) and NUMBER.fullmatch(number)
        answers.approve(push, number=number if is_number else "")
    elif isinstance(decision, str) and decision in DECISIONS:
        answers.deny(push, because=DECISIONS[decision])
    else:
        raise NotFromPhone
    return CONFIRMATIONS[decision]


def _check_in_use(device: Device) -> None:
    if not device.user.is_active:
        raise Retired("The account that this phone belongs to is closed.")
    if pairing.is_over(device):
        raise Retired(
            "The pairing was not finished in time. Start again in the portal."
        )
    if device.retired_at:
        raise Retired("This phone was removed in the portal, and is no longer asked.")
    if device.disabled_at:
        raise Retired(
            "This phone was disabled after too many failed attempts on the account. "
            "Remove it in the portal and pair it again."
        )


def _shown(push: Push) -> dict:
    challenge = push.challenge
    owner = challenge.user.get_full_name() or challenge.user.get_username()
    left = challenge.expires_at - timezone.now()
    return {
        "challenge": str(challenge.public_id),
        "nonce": push.nonce,
        "digest": challenge.payload_digest,
        "who": messages.plain(owner),
        "message": messages.plain(push.message),
        "seconds_left": max(0, int(left.total_seconds())),
    }


def _answered_push(device: Device, claims: dict) -> Push:
    """Return the push whose id, nonce and digest the answer names, open or not."""
    try:
        public_id = uuid.UUID(claims["challenge"])
    except (KeyError, ValueError, AttributeError, TypeError):
        raise NotFromPhone from None
    pushes = Push.objects.filter(channel=Channel.PHONE, challenge__device=device)
    push = (
        pushes.filter(challenge__public_id=public_id)
        .select_related("challenge__user", "challenge__device")
        .first()
    )
    if push is None or not _is_named(push, claims):
        raise NotFromPhone
    return push


def _is_named(push: Push, claims: dict) -> bool:
    expected = f"{push.nonce} {push.challenge.payload_digest}"
    named = f"{claims.get('nonce')} {claims.get('digest')}"
    return compare_digest(expected.encode(), named.encode(errors="replace"))
