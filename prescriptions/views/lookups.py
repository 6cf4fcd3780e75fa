"""Rows that a page is about, among those its reader may see; 404 otherwise."""

from uuid import UUID

from django.shortcuts import get_object_or_404

from foundation.actors import AuthenticatedRequest
from prescriptions.models import Patient, Prescription


def prescription_or_404(request: AuthenticatedRequest, public_id: UUID) -> Prescription:
    return get_object_or_404(
        Prescription.objects.visible_to(request.user).select_related(
            *Prescription.SHOWN_WITH
        ),
        public_id=public_id,
    )


def patient_or_404(request: AuthenticatedRequest, public_id: UUID) -> Patient:
    return get_object_or_404(
        Patient.objects.visible_to(request.user), public_id=public_id
    )
