from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.dateparse import parse_date
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from foundation.actors import AuthenticatedRequest
from foundation.pages import form_page
from prescriptions.models import PrescriptionLog
from prescriptions.records import log_delivery, logs
from prescriptions.records.forms import LogForm
from providers.models import Provider

PAGE_SIZE = 50
ORDERS = ["asc", "desc"]


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: AuthenticatedRequest) -> HttpResponse:
    """List a practitioner's logs, and make another (21 CFR 1311.120(b)(27))."""
    provider = Provider.objects.filter(user=request.user).first()
    if provider is None:
        return render(request, "prescriptions/logs/none.html")
    form = LogForm(request.user, request.POST or None)
    if form.is_valid():
        log = logs.make(provider, by=request.user, **form.cleaned_data)
        return redirect(log)
    shown = PrescriptionLog.objects.visible_to(request.user).select_related("practice")
    page = Paginator(shown.defer("payload"), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    return form_page(request, "prescriptions/logs/list.html", form, page=page)


@require_safe
def detail(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    log = _log_or_404(request, public_id)
    context = _sorted(request, log)
    if log.is_intact:
        log_delivery.record_opened(log, by=request.user)
    page = Paginator(context["lines"], PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "prescriptions/logs/detail.html", context | {"page": page})


@require_safe
def on_paper(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    """Show the whole log, labeled as 21 CFR 1311.170(c) requires."""
    log = _log_or_404(request, public_id)
    return render(request, "prescriptions/logs/print.html", _sorted(request, log))


@require_safe
def as_csv(request: AuthenticatedRequest, public_id: UUID) -> StreamingHttpResponse:
    log = _log_or_404(request, public_id)
    lines = logs.as_csv(_sorted(request, log)["lines"])
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    name = f"prescriptions-{log.first_day}-to-{log.last_day}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_POST
def confirm(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    log = _log_or_404(request, public_id)
    log_delivery.confirm(log, by=request.user)
    messages.success(request, "Noted that you looked through this log.")
    return redirect("log-list")


def _sorted(request: AuthenticatedRequest, log: PrescriptionLog) -> dict:
    sort, order = request.GET.get("sort"), request.GET.get("order")
    sort = sort if sort in logs.SORTS else "date"
    order = order if order in ORDERS else "asc"
    contents = log.contents if log.is_intact else {"lines": []}
    lines = logs.sorted_lines(contents["lines"], by=sort, descending=order == "desc")
    return {
        "log": log,
        "contents": contents,
        "lines": [_with_days(line) for line in lines],
        "sort": sort,
        "order": order,
        "sorts": [
            (by, "desc" if (by, order) == (sort, "asc") else "asc") for by in logs.SORTS
        ],
    }


def _with_days(line: dict) -> dict:
    """Return a line with its dates parsed; None where a record cannot be read."""
    born = line["patient"]["date_of_birth"]
    return line | {"issued": parse_date(line["issued_on"]), "born": parse_date(born)}


def _log_or_404(request: AuthenticatedRequest, public_id: UUID) -> PrescriptionLog:
    visible = PrescriptionLog.objects.visible_to(request.user)
    return get_object_or_404(
        visible.select_related("provider", "practice"), public_id=public_id
    )
