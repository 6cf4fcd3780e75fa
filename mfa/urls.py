from django.urls import include, path

from mfa import views

urlpatterns = [
    path("idme/", include("mfa.idme.urls")),
    path("devices/add/", views.add, name="device-add"),
    path("devices/add/confirm/", views.confirm, name="device-confirm"),
    path("devices/<uuid:public_id>/rename/", views.rename, name="device-rename"),
    path(
        "devices/<uuid:public_id>/primary/",
        views.select_primary,
        name="device-primary",
    ),
    path("devices/<uuid:public_id>/remove/", views.retire, name="device-retire"),
]
