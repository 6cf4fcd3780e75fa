from django.urls import path

from providers import views

urlpatterns = [
    path("settings/", views.general, name="provider-settings"),
    path("settings/erx-info/", views.erx_info, name="erx-info"),
    path("settings/activity/", views.activity, name="activity-log"),
]
