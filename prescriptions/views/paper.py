"""Everything that is printed: a POST, and the sheet is its answer."""

from datetime import date
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from foundation.actors import AuthenticatedRequest
from prescriptions.models import Printout, in_words
from prescriptions.views.lookups import patient_or_404, prescription_or_404
from prescriptions.writing import drafts, printing

WAYS = {
    "copy": printing.copy,
    "after-failure": printing.after_failure,
    "on-paper": printing.original,
    "again": printing.reprint,
}


@require_POST
def prescription(
    request: AuthenticatedRequest, public_id: UUID, way: str
) -> HttpResponse:
    if way not in WAYS:
        raise Http404
    found = prescription_or_404(request, public_id)
    if way == "again" and not request.POST.get("destroyed"):
        messages.error(
            request,
            "Destroy the spoiled sheet first and say so: only one original may exist.",
        )
        return redirect(found)
    try:
        printout = WAYS[way](found, by=request.user)
    except drafts.NotAllowed as refusal:
        messages.error(request, f"Not printed. {refusal}")
        return redirect(found)
    return _sheet(request, printout)


@require_safe
def instead(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    """Ask before a prescription is printed that can never be sent after that."""
    found = prescription_or_404(request, public_id)
    if not found.is_open or printing.blockers(found):
        return redirect(found)
    return render(request, "prescriptions/print_instead.html", {"prescription": found})


@require_POST
def medication_list(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    patient = patient_or_404(request, public_id)
    prescriptions = printing.medication_list(patient, by=request.user)
    return render(
        request,
        "prescriptions/print_list.html",
        {
            "patient": patient,
            "prescriptions": prescriptions,
            "printed_at": timezone.now(),
        },
    )


def _sheet(request: AuthenticatedRequest, printout: Printout) -> HttpResponse:
    prescription = printout.prescription
    return render(
        request,
        "prescriptions/print.html",
        {
            "printout": printout,
            "prescription": prescription,
            "message": getattr(prescription, "transmission", None),
            "cancellation": getattr(prescription, "cancellation", None),
            "content": printout.content,
            "days": _days(printout.content),
            "quantity": _in_words(printout.content, "quantity"),
            "partial_fill": _in_words(printout.content, "partial_fill_quantity"),
        },
    )


def _in_words(picture: dict, name: str) -> str:
    quantity = picture.get(name)  # format 1 has no partial fills
    return in_words(quantity, picture["drug"]["unit"]) if quantity else ""


def _days(picture: dict) -> dict[str, date | None]:
    """Return the dates of a picture, where they are text."""
    days = {
        "issued_on": picture["issued_on"],
        "born_on": picture["patient"]["date_of_birth"],
        "earliest_fill_on": picture["earliest_fill_on"],
        "emergency_oral_on": picture.get("emergency_oral_on"),
    }
    return {name: day and date.fromisoformat(day) for name, day in days.items()}
