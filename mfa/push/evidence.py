"""Whether what ID.me signed shows that this person answered on this device, just now."""

import time
from datetime import datetime

from django.conf import settings

from mfa.models import Device, Ending, IdmeAccount, Kind, Source
from mfa.oidc.responses import moment
from mfa.oidc.tokens import LEEWAY

# RFC 8176: no code by text message or phone call confirms a controlled substance.
NOT_ACCEPTED = {"sms", "tel"}


def refusal(
    claims: dict, *, account: IdmeAccount | None, device: Device, since: datetime
) -> Ending | None:
    """Return why the answer does not count, or None when it does.

    It is of the linked account, after the push was sent, and by the device: named by
    it, or the only one that can be asked where the provider names none.
    """
    if account is None or claims.get("sub") != account.subject:
        return Ending.OTHER_DEVICE
    if not _is_fresh(claims, since=since):
        return Ending.NOT_FRESH
    named = claims.get(settings.IDME_CLAIMS["device"])
    is_it = (
        _is_the_only_push(claims, device)
        if named is None
        else (named == device.external_id)
    )
    return None if is_it else Ending.OTHER_DEVICE


def _is_fresh(claims: dict, *, since: datetime) -> bool:
    at = moment(claims.get("auth_time"))
    return at is not None and (since.timestamp() - LEEWAY <= at <= time.time() + LEEWAY)


def _is_the_only_push(claims: dict, device: Device) -> bool:
    methods = claims.get("amr")
    if not isinstance(methods, list) or NOT_ACCEPTED.intersection(map(str, methods)):
        return False
    others = Device.objects.visible_to(device.user).listed()
    pushes = others.filter(kind=Kind.PUSH, source=Source.IDME).exclude(pk=device.pk)
    accepted = set(settings.IDME_PUSH_AMR).intersection(map(str, methods))
    return bool(accepted) and not pushes.exists()
