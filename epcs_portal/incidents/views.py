import uuid
from collections.abc import Iterable
from datetime import date
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from audit import daily, incidents
from audit.models import DailyReport, Event, Incident, Step
from audit.models.incidents import IncidentQuerySet
from epcs_portal.incidents import accounts, decisions, tables
from epcs_portal.incidents.forms import SeveralForm, StepForm
from foundation.actors import AuthenticatedRequest, User
from foundation.pages import form_page
from prescriptions.models import Prescription, Repudiation

PAGE_SIZE = 50
EVENTS_SHOWN = 100  # of one incident on its page; the CSV has all


@require_http_methods(["GET", "HEAD", "POST"])
def incident_list(request: AuthenticatedRequest) -> HttpResponseBase:
    """Show undecided incidents, or all of them; decide about several at once."""
    visible = _readable(request.user).with_state()
    show = "all" if request.GET.get("show") == "all" else "waiting"
    shown = visible if show == "all" else visible.waiting().order_by("due_at", "pk")
    undecided = accounts.decided_by(request.user).undecided()
    form = SeveralForm(undecided, request.POST or None)
    if form.is_valid():
        if refused := _decide_several(request, form):
            form.add_error(None, refused)
        else:
            return redirect("incident-list")
    page = Paginator(shown, PAGE_SIZE).get_page(request.GET.get("page"))
    decidable = {incident.pk for incident in undecided.filter(pk__in=_pks(page))}
    return form_page(
        request,
        "epcs_portal/incidents/list.html",
        form if decidable or form.is_bound else None,
        tab=show,
        page=page,
        lines=accounts.named(page),
        decidable=decidable,
        ticked=set(request.POST.getlist("incidents")),
        **_frame(),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def incident_detail(
    request: AuthenticatedRequest, public_id: uuid.UUID
) -> HttpResponseBase:
    """Show an incident, its events and decisions; take the next step."""
    visible = _readable(request.user).with_state()
    incident = get_object_or_404(visible, public_id=public_id)
    steps = list(incident.steps.all())
    taken = [step for step in steps if step.kind != Step.OVERDUE]
    may_decide = accounts.decided_by(request.user).filter(pk=incident.pk).exists()
    form = StepForm(
        decisions.possible(taken), request.POST or None, initial={"seen": len(taken)}
    )
    if request.method == "POST" and (not may_decide or form.is_valid()):
        if not (refused := _take(request, incident, form)):
            return redirect("incident-detail", public_id)
        form.add_error(None, refused)
    return form_page(
        request,
        "epcs_portal/incidents/detail.html",
        form if may_decide else None,
        incident=incident,
        about=accounts.named([incident])[0][1],
        steps=steps,
        events=_events_of(incident).order_by("sequence")[:EVENTS_SHOWN],
        reported=_reported(incident, user=request.user),
        **_frame(),
    )


@require_safe
def report_list(request: AuthenticatedRequest) -> HttpResponse:
    visible = _readable(request.user)
    page = Paginator(DailyReport.objects.all(), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    listed = visible.filter(report__in=list(page)).values_list("report")
    counts = dict(listed.order_by().annotate(Count("pk")))
    return render(
        request,
        "epcs_portal/incidents/reports.html",
        {
            "tab": "reports",
            "page": page,
            "lines": [(report, counts.get(report.pk, 0)) for report in page],
            "is_overdue": daily.is_overdue(),
            **_frame(),
        },
    )


@require_safe
def report_detail(request: AuthenticatedRequest, day: str) -> HttpResponse:
    """Show the part of a daily report that concerns the reader's practices."""
    report = _report_or_404(day)
    part = tables.part_of(report, _readable(request.user))
    return render(
        request,
        "epcs_portal/incidents/report.html",
        {"tab": "reports", "report": report, "lines": accounts.named(part), **_frame()},
    )


@require_safe
def report_csv(request: AuthenticatedRequest, day: str) -> HttpResponse:
    report = _report_or_404(day)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    name = f"daily-report-{report.day}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    tables.write(response, tables.part_of(report, _readable(request.user)))
    return response


def _readable(user: User) -> IncidentQuerySet:
    if not accounts.readable_by(user).exists():
        raise PermissionDenied(
            "Practitioners and designees of the access controls read the reports."
        )
    return accounts.visible_to(user)


def _report_or_404(day: str) -> DailyReport:
    try:
        return get_object_or_404(DailyReport, day=date.fromisoformat(day))
    except ValueError:
        raise Http404 from None


def _events_of(incident: Incident) -> QuerySet[Event]:
    return Event.objects.filter(
        stream=incident.source, sequence__in=incident.sequences[:EVENTS_SHOWN]
    )


def _reported(incident: Incident, *, user: User) -> Repudiation | None:
    """Return the practitioner's report, if the reader may see its prescription.

    The incident is about a person, who may work at another practice too.
    """
    visible = Prescription.objects.visible_to(user)
    reports = Repudiation.objects.filter(incident=incident, prescription__in=visible)
    return reports.select_related("reported_by", "prescription__drug").first()


def _decide_several(request: AuthenticatedRequest, form: SeveralForm) -> str:
    """Decide about each incident; return why that stopped, or nothing."""
    chosen = form.cleaned_data["incidents"]
    step, words = Step(form.cleaned_data["step"]), form.cleaned_data["words"]
    try:
        for incident in chosen:
            decisions.take(step, incident, by=request.user, words=words, seen=0)
    except decisions.NotPossible as refusal:
        return str(refusal)
    several = "" if len(chosen) == 1 else f" about {len(chosen)} incidents"
    messages.success(request, f"Your decision{several} is on record.{_next(step)}")
    return ""


def _take(request: AuthenticatedRequest, incident: Incident, form: StepForm) -> str:
    """Take the form's step; return why it was refused, or nothing."""
    given = form.cleaned_data if form.is_valid() else {}
    try:
        decisions.take(
            Step(given.get("step", Step.DISMISSED)),
            incident,
            by=request.user,
            words=given.get("words", ""),
            seen=given.get("seen", 0),
        )
    except decisions.NotPossible as refusal:
        return str(refusal)
    messages.success(request, f"It is on record.{_next(Step(given['step']))}")
    return ""


def _next(step: Step) -> str:
    if step != Step.CONFIRMED:
        return ""
    return " Report it to the application provider and to DEA, then say so here."


def _pks(page: Iterable[Incident]) -> list[int]:
    return [incident.pk for incident in page]


def _frame() -> dict[str, Any]:
    return {"time_zone": incidents.zone().key, "now": timezone.now()}
