from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path

from epcs_portal import views
from epcs_portal.operations import health
from epcs_portal.sign_in import sessions

urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", views.SignIn.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("session/", sessions.state, name="session"),
    path("password/", views.ChangePassword.as_view(), name="password-change"),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("admin/verify/", views.admin_verify, name="admin-verify"),
    path("admin/", admin.site.urls),
    path("", include("epcs_portal.incidents.urls")),
    path("", include("mfa.urls")),
    path("", include("providers.urls")),
    path("", include("prescriptions.urls")),
]

handler400 = "epcs_portal.views.bad_request"
handler403 = "epcs_portal.views.forbidden"
handler404 = "epcs_portal.views.not_found"
handler500 = "epcs_portal.views.server_error"
