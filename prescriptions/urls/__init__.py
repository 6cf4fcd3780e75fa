from django.urls import include, path

from prescriptions.views import drugs, jwks, patients, prescriptions, signing

urlpatterns = [
    path("", include("prescriptions.urls.records")),
    path("", include("prescriptions.urls.safeguards")),
    path("", include("prescriptions.urls.pharmacy")),
    path(".well-known/jwks.json", jwks.jwks, name="jwks"),
    path("drugs/search/", drugs.search, name="drug-search"),
    path("patients/", patients.index, name="patient-list"),
    path("patients/add/", patients.create, name="patient-create"),
    path("patients/<uuid:public_id>/", patients.detail, name="patient-detail"),
    path("patients/<uuid:public_id>/edit/", patients.edit, name="patient-edit"),
    path(
        "patients/<uuid:public_id>/prescribe/",
        prescriptions.create,
        name="prescription-create",
    ),
    path(
        "patients/<uuid:public_id>/sign/",
        signing.sign_for_patient,
        name="prescription-sign-for-patient",
    ),
    path("prescriptions/", prescriptions.index, name="prescription-list"),
    path(
        "prescriptions/<uuid:public_id>/",
        prescriptions.detail,
        name="prescription-detail",
    ),
    path(
        "prescriptions/<uuid:public_id>/edit/",
        prescriptions.edit,
        name="prescription-edit",
    ),
    path(
        "prescriptions/<uuid:public_id>/status/",
        prescriptions.status,
        name="prescription-status",
    ),
    path(
        "prescriptions/<uuid:public_id>/ready/",
        signing.ready,
        name="prescription-ready",
    ),
    path(
        "prescriptions/<uuid:public_id>/not-ready/",
        signing.unready,
        name="prescription-unready",
    ),
    path(
        "prescriptions/<uuid:public_id>/sign/", signing.sign, name="prescription-sign"
    ),
    path(
        "prescriptions/<uuid:public_id>/discard/",
        prescriptions.discard,
        name="prescription-discard",
    ),
    path(
        "prescriptions/<uuid:public_id>/copy/",
        prescriptions.copy,
        name="prescription-copy",
    ),
    path(
        "prescriptions/<uuid:public_id>/send-now/",
        prescriptions.send_now,
        name="prescription-send-now",
    ),
    path("signed/<uuid:public_id>/", signing.signed, name="prescription-signed"),
]
