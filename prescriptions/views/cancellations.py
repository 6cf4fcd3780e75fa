from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from foundation.actors import AuthenticatedRequest
from foundation.pages import form_page
from prescriptions.delivery import cancellation
from prescriptions.delivery.forms import CancelForm
from prescriptions.models import Prescription
from prescriptions.views.lookups import prescription_or_404
from prescriptions.writing import drafts


def cancel(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    """Cancel a signed prescription, and write the one that replaces it if asked to."""
    prescription = prescription_or_404(request, public_id)
    if prescription.status not in cancellation.CANCELLABLE:
        messages.error(request, "This prescription cannot be cancelled.")
        return redirect(prescription)
    form = CancelForm(request.POST or None)
    if form.is_valid():
        try:
            return _cancel(request, prescription, reason=form.cleaned_data["reason"])
        except drafts.WritingRefused as refusal:
            form.add_error(None, str(refusal))
    return form_page(
        request, "prescriptions/cancel.html", form, prescription=prescription
    )


def _cancel(
    request: AuthenticatedRequest, prescription: Prescription, *, reason: str
) -> HttpResponse:
    if request.POST.get("then") == "write":
        draft = cancellation.replace(prescription, by=request.user, reason=reason)
        return redirect("prescription-edit", draft.public_id)
    cancellation.cancel(prescription, by=request.user, reason=reason)
    messages.success(request, "The prescription was cancelled.")
    return redirect(prescription)
