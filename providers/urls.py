from django.urls import path

from providers import views
from providers.access import device_loss
from providers.access import views as access_views
from providers.institutions import views as listing_views

urlpatterns = [
    path("settings/", views.general, name="provider-settings"),
    path("settings/erx-info/", views.erx_info, name="erx-info"),
    path("settings/erx-info/devices/", views.devices_state, name="erx-info-devices"),
    path(
        "settings/erx-info/devices/<uuid:public_id>/lost/",
        device_loss.report,
        name="device-lost",
    ),
    path("access/", access_views.overview, name="access-list"),
    path("access/give-up/", access_views.give_up, name="access-give-up"),
    path(
        "access/<uuid:practice_id>/grant/<uuid:provider_id>/",
        access_views.enter_grant,
        name="access-grant",
    ),
    path(
        "access/<uuid:practice_id>/end/<uuid:provider_id>/",
        access_views.enter_revocation,
        name="access-revoke",
    ),
    path(
        "access/<uuid:practice_id>/designees/name/",
        access_views.enter_naming,
        name="access-name",
    ),
    path(
        "access/<uuid:practice_id>/designees/end/",
        access_views.enter_dismissal,
        name="access-dismiss",
    ),
    path(
        "access/<uuid:practice_id>/designees/resign/",
        access_views.resign,
        name="access-resign",
    ),
    path(
        "access/requests/<uuid:public_id>/", access_views.review, name="access-request"
    ),
    path(
        "access/requests/<uuid:public_id>/decline/",
        access_views.decline,
        name="access-decline",
    ),
    path(
        "access/requests/<uuid:public_id>/withdraw/",
        access_views.withdraw,
        name="access-withdraw",
    ),
    path("settings/activity/", views.activity, name="activity-log"),
    path(
        "institutions/<uuid:public_id>/list/",
        listing_views.overview,
        name="listing-list",
    ),
    path(
        "institutions/<uuid:public_id>/list/enter/",
        listing_views.enter,
        name="listing-enter",
    ),
    path(
        "institutions/<uuid:public_id>/office/<int:pk>/end/",
        listing_views.end_officer,
        name="listing-officer-end",
    ),
    path(
        "listings/<uuid:public_id>/approve/",
        listing_views.approve,
        name="listing-approve",
    ),
    path("listings/<uuid:public_id>/end/", listing_views.end, name="listing-end"),
]
