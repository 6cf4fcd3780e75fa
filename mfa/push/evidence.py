"""Evidence in ID.me's signed answer: this person, on this device, just now."""

import time
from datetime import datetime

from mfa.models import Device, Ending, IdmeAccount, Kind, Source
from mfa.oidc.provider_settings import idme_settings
from mfa.oidc.responses import moment
from mfa.oidc.tokens import LEEWAY

# RFC 8176: no code by text message or phone call confirms a controlled substance.
NOT_ACCEPTED = {"sms", "tel"}


def refusal(
    claims: dict, *, account: IdmeAccount | None, device: Device, since: datetime
) -> Ending | None:
    """Return why the answer does not count, or None if it does.

    It counts from the linked account, after the push was sent, and from the device
    itself: named in the claims, or the account's only push device if none is named.
    """
    if account is None or claims.get("sub") != account.subject:
        return Ending.OTHER_DEVICE
    if not _is_fresh(claims, since=since):
        return Ending.NOT_FRESH
    return None if _is_from(device, claims) else Ending.OTHER_DEVICE


def _is_fresh(claims: dict, *, since: datetime) -> bool:
    at = moment(claims.get("auth_time"))
    return at is not None and (since.timestamp() - LEEWAY <= at <= time.time() + LEEWAY)


def _is_from(device: Device, claims: dict) -> bool:
    device_id = claims.get(idme_settings().claims["device"])
    if device_id is None:
        return _is_only_push_device(device, claims)
    return device_id == device.external_id


def _is_only_push_device(device: Device, claims: dict) -> bool:
    methods = claims.get("amr")
    if not isinstance(methods, list) or NOT_ACCEPTED.intersection(map(str, methods)):
        return False
    others = Device.objects.visible_to(device.user).listed()
    pushes = others.filter(kind=Kind.PUSH, source=Source.IDME).exclude(pk=device.pk)
    accepted = set(idme_settings().push_amr).intersection(map(str, methods))
    return bool(accepted) and not pushes.exists()
