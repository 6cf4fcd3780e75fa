"""Where logs, exports and imported records are."""

from django.urls import path

from prescriptions.views import logs, repudiation

urlpatterns = [
    path("logs/", logs.index, name="log-list"),
    path("logs/<uuid:public_id>/", logs.detail, name="log-detail"),
    path("logs/<uuid:public_id>/print/", logs.on_paper, name="log-print"),
    path("logs/<uuid:public_id>/csv/", logs.as_csv, name="log-csv"),
    path("logs/<uuid:public_id>/confirm/", logs.confirm, name="log-confirm"),
    path(
        "prescriptions/<uuid:public_id>/not-mine/",
        repudiation.report,
        name="prescription-repudiate",
    ),
]
