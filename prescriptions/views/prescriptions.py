from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from foundation.actors import AuthenticatedRequest, User
from foundation.pages import STOP_ASKING, form_page
from foundation.statements import PreparedCounts
from prescriptions import permissions, rules
from prescriptions.delivery import cancellation, outbox, outcomes
from prescriptions.models import (
    Patient,
    PharmacyRequest,
    Prescription,
    Status,
    Transmission,
)
from prescriptions.permissions import Permission
from prescriptions.views.lookups import patient_or_404, prescription_or_404
from prescriptions.writing import drafts, rule_context
from prescriptions.writing.forms import PrescriptionForm

PAGE_SIZE = 50
ASK_FOR = timedelta(minutes=5)
SHOWN = {
    "open": ("To finish", [Status.DRAFT, Status.READY]),
    "sent": ("On the way", [Status.SIGNED, Status.QUEUED, Status.TRANSMITTED]),
    "failed": ("Not delivered", [Status.FAILED]),
    "done": ("Delivered", [Status.DELIVERED]),
    "all": ("All", list(Status)),
}

LISTED = [  # columns of a prescription that the list shows
    *("public_id", "quantity", "days_supply", "earliest_fill_on"),
    *("status", "created_at", "patient__first_name", "patient__last_name"),
    *("drug__name", "drug__schedule", "drug__unit"),
    *("prescriber__first_name", "prescriber__last_name", "prescriber__credentials"),
    *("practice__time_zone", "cancellation__is_approved"),
]


@dataclass(frozen=True)
class PrescriptionList:
    """A page of the prescriptions that are in one of some groups of statuses."""

    show: str  # a key of SHOWN
    rows: Page[Prescription]
    requests_waiting: int  # from pharmacies

    @property
    def filters(self) -> list[tuple[str, str]]:
        return [(show, label) for show, (label, _) in SHOWN.items()]


@require_safe
def index(request: AuthenticatedRequest) -> HttpResponse:
    show = request.GET.get("show", "")
    page = _list(
        request.user,
        show=show if show in SHOWN else "open",
        number=request.GET.get("page"),
    )
    return render(request, "prescriptions/list.html", {"page": page})


def create(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    patient = patient_or_404(request, public_id)
    draft = Prescription(
        patient=patient, practice=patient.practice, prepared_by=request.user
    )
    form = _form(request, draft)
    if form.is_valid():
        prescription = drafts.create(form.save(commit=False), by=request.user)
        return redirect(prescription)
    return _form_page(request, form, heading="Write a prescription", cancel_to=patient)


def edit(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    prescription = prescription_or_404(request, public_id)
    if not prescription.is_open:
        messages.error(
            request, "This prescription can no longer be changed. Write a new one."
        )
        return redirect(prescription)
    form = _form(request, prescription)
    if form.is_valid():
        try:
            drafts.alter(form.save(commit=False), by=request.user)
        except drafts.WritingRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect(prescription)
    return _form_page(
        request, form, heading="Edit the prescription", cancel_to=prescription
    )


@require_safe
def detail(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    prescription = prescription_or_404(request, public_id)
    facts = _facts(request, prescription)
    if prescription.is_open:
        facts |= _what_is_missing(prescription)
    return render(request, "prescriptions/detail.html", facts)


@require_safe
def status(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    """Render only the status line, for the page that refreshes itself."""
    prescription = prescription_or_404(request, public_id)
    signed_at = prescription.signed_at
    is_new = signed_at is not None and timezone.now() - signed_at < ASK_FOR
    is_watched = prescription.is_on_its_way and is_new
    return render(
        request,
        "prescriptions/_status.html",
        {"prescription": prescription},
        status=200 if is_watched else STOP_ASKING,
    )


@require_POST
def discard(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    prescription = prescription_or_404(request, public_id)
    try:
        drafts.discard(prescription, by=request.user)
    except drafts.WritingRefused as refusal:
        messages.error(request, str(refusal))
        return redirect(prescription)
    messages.success(request, "The prescription was discarded. Nothing was sent.")
    return redirect("prescription-list")


@require_POST
def copy(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    """Copy a prescription that was not delivered into a new draft."""
    prescription = prescription_or_404(request, public_id)
    try:
        draft = drafts.copy(prescription, by=request.user)
    except drafts.WritingRefused as refusal:
        messages.error(request, str(refusal))
        return redirect(prescription)
    return redirect("prescription-edit", draft.public_id)


@require_POST
def send_now(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    prescription = prescription_or_404(request, public_id)
    message = get_object_or_404(Transmission, prescription=prescription)
    try:
        outbox.retry_now(message, by=request.user)
    except outbox.RetryRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.info(request, "Trying to send it now.")
    return redirect(prescription)


def _list(user: User, *, show: str, number: str | None) -> PrescriptionList:
    _, statuses = SHOWN[show]
    prescriptions = (
        Prescription.objects.visible_to(user)
        .filter(status__in=statuses)
        .select_related("patient", "drug", "prescriber", "practice", "cancellation")
        .only(*LISTED)
        .order_by("-updated_at", "-pk")
    )
    return PrescriptionList(
        show=show,
        rows=Paginator(prescriptions, PAGE_SIZE).get_page(number),
        requests_waiting=_WAITING.count(user=user.pk)["requests"],
    )


def _waiting(*, user: int) -> dict[str, QuerySet[Any]]:
    reader = get_user_model()(pk=user)
    return {"requests": PharmacyRequest.objects.visible_to(reader).waiting()}


_WAITING = PreparedCounts(_waiting)


def _form(
    request: AuthenticatedRequest, prescription: Prescription
) -> PrescriptionForm:
    return PrescriptionForm(
        request.user,
        prescription.practice,
        request.POST or None,
        instance=prescription,
    )


def _form_page(
    request: AuthenticatedRequest,
    form: PrescriptionForm,
    *,
    heading: str,
    cancel_to: Patient | Prescription,
) -> HttpResponse:
    return form_page(
        request,
        "prescriptions/form.html",
        form,
        patient=form.instance.patient,
        others=rule_context.series_candidates(form.instance),
        heading=heading,
        cancel_url=cancel_to.get_absolute_url(),
    )


def _facts(request: AuthenticatedRequest, prescription: Prescription) -> dict:
    return {
        "prescription": prescription,
        **_permissions(request.user, prescription),
        "issue_date": prescription.issue_date,
        "record": getattr(prescription, "signed_record", None),
        "is_accepted_late": outcomes.was_accepted_late(prescription),
        "can_retry": _can_retry(prescription),
        "is_cancellable": prescription.status in cancellation.CANCELLABLE,
    }


def _permissions(user: User, prescription: Prescription) -> dict[str, bool]:
    """Return what this user may do of that which not everybody may who sees it."""
    return {
        "may_sign": permissions.may(user, Permission.SIGN, of=prescription),
        "may_report": prescription.signed_at is not None
        and permissions.may(user, Permission.REPORT_SIGNATURE, of=prescription),
    }


def _what_is_missing(prescription: Prescription) -> dict[str, Any]:
    """Return what an open prescription lacks, and its place in a series."""
    context = rule_context.load([prescription])
    return {
        "problems": rules.blockers_to_ready(prescription, around=context),
        "with_drafts": rules.series_dates(
            prescription, rule_context.load_with_drafts(prescription)
        ),
        "may_print": not rules.blockers_to_printing(prescription, around=context),
        "place": rule_context.series_place(prescription, context),
    }


def _can_retry(prescription: Prescription) -> bool:
    is_queued = prescription.status == Status.QUEUED
    return is_queued and prescription.transmission.attempts > 0
