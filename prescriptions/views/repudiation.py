from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods

from foundation.actors import AuthenticatedRequest
from foundation.pages import form_page
from prescriptions.models import Prescription, Repudiation
from prescriptions.records import repudiation
from prescriptions.records.forms import RepudiationForm


@require_http_methods(["GET", "HEAD", "POST"])
def report(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    """Report a problem with a signature (21 CFR 1311.102(j))."""
    prescription = get_object_or_404(
        repudiation.reportable(request.user).select_related(*Prescription.SHOWN_WITH),
        public_id=public_id,
    )
    reported = Repudiation.objects.filter(prescription=prescription).first()
    form = None if reported else RepudiationForm(request.POST or None)
    if form and form.is_valid():
        return _report(request, prescription, form)
    return form_page(
        request,
        "prescriptions/repudiate.html",
        form,
        prescription=prescription,
        reported=reported,
        dea_contact=settings.DEA_CONTACT,
    )


def _report(
    request: AuthenticatedRequest, prescription: Prescription, form: RepudiationForm
) -> HttpResponse:
    try:
        repudiation.report(prescription, by=request.user, **form.cleaned_data)
    except repudiation.AlreadyReported as refusal:
        messages.info(request, str(refusal))
    else:
        messages.success(request, "Reported. Signing in your name has stopped.")
    return redirect("prescription-repudiate", prescription.public_id)
