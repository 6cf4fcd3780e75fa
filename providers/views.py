"""Pages of the settings: general, eRx Info, devices and the activity log."""

from collections.abc import Iterable
from http import HTTPStatus
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from audit.acts import Act
from audit.catalog import Area
from audit.models import Event
from foundation.actors import AuthenticatedRequest, User
from foundation.pages import STOP_ASKING, form_page
from mfa import devices
from mfa.idme import freshness
from mfa.models import Device, IdmeAccount
from providers import credentialing
from providers.access import suspension
from providers.access.forms import LostDeviceForm
from providers.erx_info import erx_info_of
from providers.models import Cause, Membership, Practice, Provider

PAGE_SIZE = 50
DEVICE_RETIRED = (
    "“{}” is out of use, signing has stopped, and those who set access were told."
)
DEVICE = Device._meta.label_lower
FILTERS = [("", "Everything"), *Area.choices]


@require_safe
def general(request: AuthenticatedRequest) -> HttpResponse:
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
def erx_info(request: AuthenticatedRequest) -> HttpResponse:
    """Show identity, approval, registrations and devices, and what blocks signing."""
    page = erx_info_of(request.user)
    freshness.request_refresh_if_old(page.account)
    return render(request, "providers/erx_info.html", {"tab": "erx-info", "page": page})


@require_safe
def devices_state(request: AuthenticatedRequest) -> HttpResponse:
    """Tell the page that waits for a device sync: not yet, reload, or give up.

    A page that asked for ever would keep somebody signed in who left.
    """
    account = IdmeAccount.objects.linked_to(request.user)
    if account and freshness.is_refreshing(account):
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    if account and freshness.is_overdue(account):
        context = {"account": account}
        late = "providers/_refresh_is_late.html"
        return render(request, late, context, status=STOP_ASKING)
    return HttpResponse(headers={"HX-Refresh": "true"})


def report_lost_device(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    """Retire a lost device at once; whoever lost one is asked for no factor."""
    listed = Device.objects.visible_to(request.user).listed()
    device = get_object_or_404(listed, public_id=public_id)
    form = LostDeviceForm(request.POST or None)
    if form.is_valid():
        cause = Cause(form.cleaned_data["cause"])
        try:
            suspension.report_device(device, by=request.user, cause=cause)
        except devices.DeviceChangeRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, DEVICE_RETIRED.format(device))
            return redirect("erx-info")
    return form_page(request, "providers/lost.html", form, device=device)


@require_safe
def activity(request: AuthenticatedRequest) -> HttpResponse:
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


def _device_names(user: User, events: Iterable[Event]) -> dict[str, str]:
    """Return the nicknames of the user's devices that the events are about, by id."""
    ids = {event.subject_id for event in events if event.subject_kind == DEVICE}
    own = Device.objects.visible_to(user).filter(public_id__in=ids)
    return {str(device.public_id): device.name for device in own}


def _time_zone(practice: Practice | None) -> str:
    return practice.time_zone if practice else settings.TIME_ZONE
