"""Reports of third-party audits, entered and confirmed by two administrators."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from foundation.actors import AuthenticatedRequest, User
from foundation.pages import form_page
from prescriptions.models import Finding, ThirdPartyAudit
from prescriptions.safeguards import certification, releases
from prescriptions.safeguards.forms import ReportForm
from prescriptions.views.system import require_administrator


def add(request: AuthenticatedRequest) -> HttpResponse:
    require_administrator(request.user)
    form = ReportForm(
        request.POST or None,
        initial={"software_version": releases.software_version()},
    )
    if form.is_valid():
        try:
            report = certification.enter(form.instance, by=request.user)
        except certification.ReportRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "The report is on record.")
            return redirect("certification-detail", report.public_id)
    return form_page(request, "prescriptions/system/report_add.html", form)


def detail(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    """Show a report; confirm it, or record who was notified of it."""
    require_administrator(request.user)
    report = get_object_or_404(ThirdPartyAudit, public_id=public_id)
    refusal = ""
    if request.method == "POST":
        refusal = _act(request.POST.get("act", ""), report, by=request.user)
        if not refusal:
            messages.success(request, "It is on record.")
            return redirect("certification-detail", public_id)
    return form_page(
        request,
        "prescriptions/system/report.html",
        None,
        refused=bool(refusal),
        refusal=refusal,
        report=report,
        is_adverse=report.finding == Finding.ADVERSE,
        is_own=report.entered_by_id == request.user.pk,
        is_current=report == certification.current_report(),
        overdue=certification.overdue(report, today=timezone.localdate()),
    )


def _act(act: str, report: ThirdPartyAudit, *, by: User) -> str:
    """Confirm a report or record a notice; return the refusal, or nothing."""
    if act not in {"confirm", *certification.NOTICES}:
        raise BadRequest
    try:
        if act == "confirm":
            certification.confirm(report, by=by)
        else:
            certification.record_notice(report, act, by=by)
    except certification.ReportRefused as refusal:
        return str(refusal)
    return ""
