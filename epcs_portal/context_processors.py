from django.conf import settings
from django.utils.functional import SimpleLazyObject

from mfa import devices
from providers import designees


def portal(request):
    """What every page shows: the mode, and that signing has stopped for its reader."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"DEMO": settings.DEMO}
    return {
        "DEMO": settings.DEMO,
        "is_designee": SimpleLazyObject(lambda: designees.practices_of(user).exists()),
        "lost_primary": SimpleLazyObject(lambda: devices.lost_primary_of(user)),
        "suggested_primary": SimpleLazyObject(lambda: devices.suggested_for(user)),
    }
