"""When a session ends, and how whoever works in it learns so in time (WCAG 2.2.1)."""

from django.conf import settings
from django.contrib.sessions.models import Session
from django.http import JsonResponse
from django.utils import timezone

SIGNED_IN_AT = "signed_in_at"  # in the session, seconds since 1970


def state(request):
    """Say how long the session goes on, in seconds; to post is activity."""
    left, for_good = seconds_from_now(request), seconds_for_good(request)
    if request.method != "POST":
        kept = Session.objects.get(pk=request.session.session_key)
        left = int((kept.expire_date - timezone.now()).total_seconds())
    return JsonResponse(
        {"seconds_left": min(left, for_good), "may_stay": left < for_good}
    )


def seconds_from_now(request) -> int:
    """Return how long the session goes on if nothing is opened after this page."""
    return min(settings.SESSION_COOKIE_AGE, seconds_for_good(request))


def seconds_for_good(request) -> int:
    """Return how long the session can go on at the most, however active."""
    began = request.session.get(SIGNED_IN_AT, 0)
    return int(began + settings.SESSION_LONGEST - timezone.now().timestamp())
