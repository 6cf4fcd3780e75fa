from django.urls import path

from epcs_portal.incidents import views

urlpatterns = [
    path("incidents/", views.incident_list, name="incident-list"),
    path("incidents/<uuid:public_id>/", views.incident_detail, name="incident-detail"),
    path("incidents/reports/", views.report_list, name="daily-report-list"),
    path("incidents/reports/<slug:day>/", views.report_detail, name="daily-report"),
    path(
        "incidents/reports/<slug:day>/csv/", views.report_csv, name="daily-report-csv"
    ),
]
