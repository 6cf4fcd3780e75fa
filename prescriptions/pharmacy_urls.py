"""What happens with a prescription after its signature, and on paper."""

from django.urls import path

from prescriptions.views import cancelling, paper

urlpatterns = [
    path(
        "prescriptions/<uuid:public_id>/cancel/",
        cancelling.cancel,
        name="prescription-cancel",
    ),
    path(
        "prescriptions/<uuid:public_id>/print/<slug:way>/",
        paper.prescription,
        name="prescription-print",
    ),
    path(
        "patients/<uuid:public_id>/print-list/",
        paper.medication_list,
        name="patient-print-list",
    ),
]
