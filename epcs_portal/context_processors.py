from contextlib import suppress
from typing import Any, cast

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from epcs_portal import navigation
from epcs_portal.reader import reader_of
from epcs_portal.sign_in import sessions
from foundation.actors import AuthenticatedRequest
from prescriptions.models import ThirdPartyAudit
from prescriptions.safeguards import certification


def portal(request: HttpRequest) -> dict[str, Any]:
    """Return what every page shows: mode, navigation, and that signing has stopped.

    At most one statement, when a template first needs its answer.
    """
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"DEMO": settings.DEMO, "certified_by": SimpleLazyObject(_certified_by)}
    reader = reader_of(cast(AuthenticatedRequest, request))
    match = request.resolver_match
    here = (match.url_name if match else None) or ""
    return {
        "DEMO": settings.DEMO,
        "certified_by": SimpleLazyObject(lambda: reader.certified_by),
        "reader": reader,
        "main_links": navigation.links(navigation.MAIN, reader=reader, here=here),
        "account_links": navigation.links(navigation.ACCOUNT, reader=reader, here=here),
        "session_minutes": settings.SESSION_COOKIE_AGE // 60,
        "session_seconds": sessions.seconds_from_now(request),
    }


def _certified_by() -> ThirdPartyAudit | None:
    """Return the audit that covers this version; a demonstration is never certified."""
    if settings.DEMO:
        return None
    with suppress(DatabaseError):
        return certification.current_report()
    return None
