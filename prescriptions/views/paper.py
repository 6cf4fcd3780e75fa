"""Everything that is printed: each sheet is the response to a POST."""

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
    prescription = prescription_or_404(request, public_id)
    if way == "again" and not request.POST.get("destroyed"):
        messages.error(
            request,
            "Destroy the spoiled sheet first and say so: only one original may exist.",
        )
        return redirect(prescription)
    try:
        printout = WAYS[way](prescription, by=request.user)
    except drafts.WritingRefused as refusal:
        messages.error(request, f"Not printed. {refusal}")
        return redirect(prescription)
    return _sheet(request, printout)


@require_safe
def instead(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    """Confirm that a prescription is printed; it can never be sent after that."""
    prescription = prescription_or_404(request, public_id)
    if not prescription.is_open or printing.blockers(prescription):
        return redirect(prescription)
    return render(
        request, "prescriptions/print_instead.html", {"prescription": prescription}
    )


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


def _in_words(content: dict, name: str) -> str:
    quantity = content.get(name)  # format 1 has no partial fills
    return in_words(quantity, content["drug"]["unit"]) if quantity else ""


def _days(content: dict) -> dict[str, date | None]:
    """Return the dates that the content holds as text."""
    days = {
        "issued_on": content["issued_on"],
        "born_on": content["patient"]["date_of_birth"],
        "earliest_fill_on": content["earliest_fill_on"],
        "emergency_oral_on": content.get("emergency_oral_on"),
    }
    return {name: day and date.fromisoformat(day) for name, day in days.items()}
