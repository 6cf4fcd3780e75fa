from collections.abc import Iterable
from functools import partial
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from audit.acts import Act
from audit.catalog import Area
from audit.models import Event
from foundation.blockers import Blocker
from foundation.pages import STOP_ASKING
from mfa import devices
from mfa.idme import freshness
from mfa.models import Device, IdmeAccount, Kind
from providers import access_managers, credentialing, readiness
from providers.models import AccessGrant, Membership, Practice, Provider

PAGE_SIZE = 50
DEVICE = Device._meta.label_lower
FILTERS = [("", "Everything"), *Area.choices]


@require_safe
def general(request):
    provider = Provider.objects.filter(user=request.user).first()
    memberships = Membership.objects.filter(user=request.user, left_on=None)
    return render(
        request,
        "providers/general.html",
        {
            "tab": "general",
            "provider": provider,
            "memberships": memberships.select_related("practice"),
            "institutions": credentialing.institutions_of(request.user),
        },
    )


@require_safe
def erx_info(request):
    """Show identity, approval, registrations and devices, and what blocks signing."""
    provider = Provider.objects.filter(user=request.user).first()
    practice = Practice.objects.visible_to(request.user).first()
    freshness.request_refresh_if_old(request.user)
    account = IdmeAccount.objects.linked_to(request.user)
    listed = Device.objects.visible_to(request.user).listed()
    primary = devices.primary_of(request.user)
    signing = [device for device in listed if device.may_sign]
    return render(
        request,
        "providers/erx_info.html",
        {
            "tab": "erx-info",
            "time_zone": _time_zone(practice),
            "today": practice.today() if practice else timezone.localdate(),
            "provider": provider,
            "account": account,
            "grant": _grant(provider, practice),
            "registrations": provider.dea_registrations.all() if provider else [],
            "devices": listed,
            "primary": primary,
            "has_push": any(device.kind == Kind.PUSH for device in signing),
            "has_code_generator": any(
                device.kind == Kind.CODE_GENERATOR for device in signing
            ),
            "has_one_device": len(signing) == 1,
            "suggested": None if primary else devices.suggested_for(request.user),
            "is_refreshing": account and freshness.is_refreshing(account),
            "refresh_failed": account and freshness.has_failed(account),
            "needs_sign_in": account
            and freshness.is_old(account)
            and not freshness.is_refreshable(account),
            "blockers": _blockers(provider, practice),
            "designees": partial(_others_who_set_access, request.user, practice),
            "update_url": _update_url(),
        },
    )


@require_safe
def devices_state(request):
    """Tell the page that waits for a newer list: not yet, to load anew, or to give up.

    A page that went on for ever would keep somebody signed in who is not there.
    """
    account = IdmeAccount.objects.linked_to(request.user)
    if account and freshness.is_refreshing(account):
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    if account and freshness.is_overdue(account):
        context = {"account": account}
        late = "providers/_refresh_is_late.html"
        return render(request, late, context, status=STOP_ASKING)
    return HttpResponse(headers={"HX-Refresh": "true"})


@require_safe
def activity(request):
    """Show a user's own part of the record."""
    show = request.GET.get("show", "")
    events = Event.objects.visible_to(request.user).order_by("-sequence")
    if show in Area.values:
        events = events.of_nouns(Act.nouns_of(Area(show)))
    page = Paginator(events, PAGE_SIZE).get_page(request.GET.get("page"))
    names = _device_names(request.user, page.object_list)
    return render(
        request,
        "providers/activity.html",
        {
            "tab": "activity",
            "time_zone": _time_zone(Practice.objects.visible_to(request.user).first()),
            "filters": FILTERS,
            "show": show if show in Area.values else "",
            "page": page,
            "lines": [(event, names.get(event.subject_id, "")) for event in page],
        },
    )


def _device_names(user, events: Iterable[Event]) -> dict[str, str]:
    """Return the nicknames of one's own devices that the events are about, by id."""
    ids = {event.subject_id for event in events if event.subject_kind == DEVICE}
    own = Device.objects.visible_to(user).filter(public_id__in=ids)
    return {str(device.public_id): device.name for device in own}


def _time_zone(practice: Practice | None) -> str:
    return practice.time_zone if practice else settings.TIME_ZONE


def _grant(provider: Provider | None, practice: Practice | None) -> AccessGrant | None:
    if provider is None or practice is None:
        return None
    held = AccessGrant.objects.current().at(practice).filter(provider=provider)
    told = held.select_related("practice", "granted_by", "request__entered_by")
    told = told.prefetch_related("suspensions__device")
    return told.order_by("is_provisional").first()


def _others_who_set_access(user, practice: Practice | None) -> list[str]:
    people = access_managers.of(practice).exclude(pk=user.pk) if practice else []
    return [one.get_full_name() or one.get_username() for one in people]


def _blockers(provider: Provider | None, practice: Practice | None) -> list[Blocker]:
    if provider is None or practice is None:
        return []
    return readiness.blockers_for_now(provider, practice=practice, on=practice.today())


def _update_url() -> str:
    """Return the address of Sign In & Security, with the way back."""
    back = settings.PORTAL_ORIGIN + reverse("erx-info")
    separator = "&" if urlsplit(settings.IDME_ACCOUNT_URL).query else "?"
    return f"{settings.IDME_ACCOUNT_URL}{separator}{urlencode({'return_to': back})}"
