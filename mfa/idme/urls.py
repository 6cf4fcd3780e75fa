from django.urls import path

from mfa.idme import views

urlpatterns = [
    path("start/", views.start, name="idme-start"),
    path("callback/", views.callback, name="idme-callback"),
    path("unlink/", views.unlink_account, name="idme-unlink"),
    path("jwks.json", views.jwks, name="idme-jwks"),
    path("devices/refresh/", views.refresh_devices, name="idme-devices-refresh"),
]
