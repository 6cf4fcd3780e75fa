"""When a session ends, and how its owner learns of that in time (WCAG 2.2.1)."""

from typing import cast

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from epcs_portal.sign_in.session_store import SessionStore
from foundation.actors import AuthenticatedRequest

SIGNED_IN_AT = "signed_in_at"  # in the session, seconds since 1970


def state(request: AuthenticatedRequest) -> JsonResponse:
    """Return the seconds left in the session; a POST is activity."""
    left, for_good = _stored(request).seconds_left, seconds_for_good(request)
    return JsonResponse(
        {"seconds_left": min(left, for_good), "may_stay": left < for_good}
    )


def renew(request: HttpRequest) -> None:
    """Let the session last its full time without activity from now on."""
    _stored(request).renew()


def seconds_from_now(request: HttpRequest) -> int:
    """Return how long the session lasts if no other page is opened."""
    return min(_stored(request).seconds_left, seconds_for_good(request))


def seconds_for_good(request: HttpRequest) -> int:
    """Return how long the session can last at most, however active."""
    began = request.session.get(SIGNED_IN_AT, 0)
    return int(began + settings.SESSION_LONGEST - timezone.now().timestamp())


def _stored(request: HttpRequest) -> SessionStore:
    return cast(SessionStore, request.session)
