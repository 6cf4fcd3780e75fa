from django.urls import path

from providers import views

urlpatterns = [
    path("settings/", views.general, name="provider-settings"),
    path("settings/erx-info/", views.erx_info, name="erx-info"),
    path("settings/erx-info/devices/", views.devices_state, name="erx-info-devices"),
    path("settings/activity/", views.activity, name="activity-log"),
]
