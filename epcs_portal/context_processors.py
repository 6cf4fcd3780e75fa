from contextlib import suppress
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from epcs_portal import navigation
from epcs_portal.sign_in import sessions
from foundation.actors import User
from mfa import devices
from prescriptions.models import SigningStop, ThirdPartyAudit
from prescriptions.safeguards import certification


def portal(request: HttpRequest) -> dict[str, Any]:
    """Return what every page shows: mode, navigation, and that signing has stopped."""
    user = getattr(request, "user", None)
    site = {"DEMO": settings.DEMO, "certified_by": SimpleLazyObject(_certified_by)}
    if user is None or not user.is_authenticated:
        return site
    reader = navigation.Reader(user)
    match = request.resolver_match
    here = (match.url_name if match else None) or ""
    return site | {
        "main_links": navigation.links(navigation.MAIN, reader=reader, here=here),
        "account_links": navigation.links(navigation.ACCOUNT, reader=reader, here=here),
        "is_responsible": SimpleLazyObject(lambda: reader.is_responsible),
        "session_minutes": settings.SESSION_COOKIE_AGE // 60,
        "session_seconds": sessions.seconds_from_now(request),
        "lost_primary": SimpleLazyObject(lambda: devices.lost_primary_of(user)),
        "signing_stops": SimpleLazyObject(lambda: _stops(user)),
        "suggested_primary": SimpleLazyObject(lambda: devices.suggested_for(user)),
    }


def _certified_by() -> ThirdPartyAudit | None:
    """Return the audit that covers this version; a demonstration is never certified."""
    if settings.DEMO:
        return None
    with suppress(DatabaseError):
        return certification.current_report()
    return None


def _stops(user: User) -> list[SigningStop]:
    with suppress(DatabaseError):
        return list(SigningStop.objects.affecting(user).select_related("practice"))
    return []
