"""What happens with a prescription after its signature, and on paper."""

from django.urls import path

from prescriptions.views import cancellations, inbound, paper, pharmacy_requests

urlpatterns = [
    path("script/", inbound.script, name="script-inbound"),
    path("pharmacy-requests/", pharmacy_requests.index, name="pharmacy-request-list"),
    path(
        "pharmacy-requests/<uuid:public_id>/",
        pharmacy_requests.detail,
        name="pharmacy-request",
    ),
    path(
        "pharmacy-requests/<uuid:public_id>/write/",
        pharmacy_requests.write,
        name="pharmacy-request-write",
    ),
    path(
        "prescriptions/<uuid:public_id>/cancel/",
        cancellations.cancel,
        name="prescription-cancel",
    ),
    path(
        "prescriptions/<uuid:public_id>/print-instead/",
        paper.instead,
        name="prescription-print-instead",
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
