"""When a session ends, and how its owner learns of that in time (WCAG 2.2.1)."""

from django.conf import settings
from django.contrib.sessions.models import Session
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from foundation.actors import AuthenticatedRequest

SIGNED_IN_AT = "signed_in_at"  # in the session, seconds since 1970


def state(request: AuthenticatedRequest) -> JsonResponse:
    """Return the seconds left in the session; a POST is activity."""
    left, for_good = seconds_from_now(request), seconds_for_good(request)
    if request.method != "POST":
        stored = Session.objects.get(pk=request.session.session_key)
        left = int((stored.expire_date - timezone.now()).total_seconds())
    return JsonResponse(
        {"seconds_left": min(left, for_good), "may_stay": left < for_good}
    )


def seconds_from_now(request: HttpRequest) -> int:
    """Return how long the session lasts if no other page is opened."""
    return min(settings.SESSION_COOKIE_AGE, seconds_for_good(request))


def seconds_for_good(request: HttpRequest) -> int:
    """Return how long the session can last at most, however active."""
    began = request.session.get(SIGNED_IN_AT, 0)
    return int(began + settings.SESSION_LONGEST - timezone.now().timestamp())
