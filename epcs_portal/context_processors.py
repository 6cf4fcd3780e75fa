from contextlib import suppress

from django.conf import settings
from django.db import DatabaseError
from django.utils.functional import SimpleLazyObject

from epcs_portal.sign_in import sessions
from mfa import devices
from prescriptions.models import SigningStop, ThirdPartyAudit
from prescriptions.safeguards import certification
from providers import access_managers


def portal(request):
    """What every page shows: the mode, and that signing has stopped for its reader."""
    user = getattr(request, "user", None)
    shown = {
        "DEMO": settings.DEMO,
        "certified_by": SimpleLazyObject(_certified_by),
    }
    if user is None or not user.is_authenticated:
        return shown
    is_designee = SimpleLazyObject(lambda: access_managers.practices_of(user).exists())
    return shown | {
        "is_responsible": SimpleLazyObject(lambda: user.is_staff or bool(is_designee)),
        "is_designee": is_designee,
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


def _stops(user) -> list[SigningStop]:
    with suppress(DatabaseError):
        return list(SigningStop.objects.on(user).select_related("practice"))
    return []
