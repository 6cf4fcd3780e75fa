"""Where logs, exports and imported records are."""

from django.urls import path

from prescriptions.views import exports, imports, logs, repudiation

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
    path("exports/", exports.index, name="export-list"),
    path("exports/<uuid:public_id>/", exports.detail, name="export-detail"),
    path("exports/<uuid:public_id>/state/", exports.state, name="export-state"),
    path(
        "exports/<uuid:public_id>/download/", exports.download, name="export-download"
    ),
    path("records/imported/", imports.index, name="imported-list"),
    path(
        "records/imported/<uuid:prescription_id>/",
        imports.detail,
        name="imported-record",
    ),
]
