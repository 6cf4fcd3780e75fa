from django.urls import include, path

from mfa import views
from mfa.push import step_up
from mfa.push import views as push_views

urlpatterns = [
    path("idme/", include("mfa.idme.urls")),
    path("", include("mfa.phones.urls")),
    path("pushes/<uuid:public_id>/state/", push_views.state, name="push-state"),
    path("pushes/<uuid:public_id>/again/", push_views.resend, name="push-again"),
    path("pushes/<uuid:public_id>/cancel/", push_views.cancel, name="push-cancel"),
    path("pushes/<uuid:public_id>/idme/", step_up.start, name="push-step-up"),
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
