from django.urls import path

from prescriptions.views import certification, stops, system

urlpatterns = [
    path("system/", system.status, name="system-status"),
    path("system/stop/", stops.stop, name="signing-stop-add"),
    path("system/stops/<uuid:public_id>/", stops.detail, name="signing-stop"),
    path(
        "system/stops/<uuid:public_id>/restore/", stops.restore, name="signing-restore"
    ),
    path("system/audits/add/", certification.add, name="certification-add"),
    path(
        "system/audits/<uuid:public_id>/",
        certification.detail,
        name="certification-detail",
    ),
]
