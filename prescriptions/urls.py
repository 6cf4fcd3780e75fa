from django.urls import path

from prescriptions import views

urlpatterns = [
    path(".well-known/jwks.json", views.jwks, name="jwks"),
    path("patients/", views.patient_list, name="patient-list"),
    path("patients/add/", views.patient_create, name="patient-create"),
    path("patients/<uuid:public_id>/", views.patient_detail, name="patient-detail"),
    path("patients/<uuid:public_id>/edit/", views.patient_edit, name="patient-edit"),
    path(
        "patients/<uuid:public_id>/prescribe/",
        views.create,
        name="prescription-create",
    ),
    path("prescriptions/", views.prescription_list, name="prescription-list"),
    path("prescriptions/<uuid:public_id>/", views.detail, name="prescription-detail"),
    path("prescriptions/<uuid:public_id>/edit/", views.edit, name="prescription-edit"),
    path(
        "prescriptions/<uuid:public_id>/status/",
        views.status,
        name="prescription-status",
    ),
    path(
        "prescriptions/<uuid:public_id>/ready/", views.ready, name="prescription-ready"
    ),
    path(
        "prescriptions/<uuid:public_id>/not-ready/",
        views.unready,
        name="prescription-unready",
    ),
    path("prescriptions/<uuid:public_id>/sign/", views.sign, name="prescription-sign"),
    path(
        "prescriptions/<uuid:public_id>/discard/",
        views.discard,
        name="prescription-discard",
    ),
    path("prescriptions/<uuid:public_id>/copy/", views.copy, name="prescription-copy"),
    path(
        "prescriptions/<uuid:public_id>/send-now/",
        views.send_now,
        name="prescription-send-now",
    ),
]
