from django.urls import path

from providers import views
from providers.access import views as access_views
from providers.institutions import views as roster_views

urlpatterns = [
    path("settings/", views.general, name="provider-settings"),
    path("settings/erx-info/", views.erx_info, name="erx-info"),
    path("settings/erx-info/devices/", views.devices_state, name="erx-info-devices"),
    path(
        "settings/erx-info/devices/<uuid:public_id>/lost/",
        views.report_lost_device,
        name="device-lost",
    ),
    path("access/", access_views.overview, name="access-list"),
    path("access/give-up/", access_views.give_up, name="access-give-up"),
    path(
        "access/<uuid:practice_id>/grant/<uuid:provider_id>/",
        access_views.request_grant,
        name="access-grant",
    ),
    path(
        "access/<uuid:practice_id>/end/<uuid:provider_id>/",
        access_views.request_revocation,
        name="access-revoke",
    ),
    path(
        "access/<uuid:practice_id>/designees/name/",
        access_views.request_designation,
        name="access-name",
    ),
    path(
        "access/<uuid:practice_id>/designees/end/",
        access_views.request_dismissal,
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
        roster_views.overview,
        name="listing-list",
    ),
    path(
        "institutions/<uuid:public_id>/list/enter/",
        roster_views.add,
        name="listing-enter",
    ),
    path(
        "institutions/<uuid:public_id>/office/<int:pk>/end/",
        roster_views.remove_officer,
        name="listing-officer-end",
    ),
    path(
        "listings/<uuid:public_id>/approve/",
        roster_views.approve,
        name="listing-approve",
    ),
    path("listings/<uuid:public_id>/end/", roster_views.remove, name="listing-end"),
]
