"""The administration site, behind password and code."""

from urllib.parse import urlencode

from django.contrib.auth.views import redirect_to_login
from django.shortcuts import redirect
from django.urls import reverse
from django_otp.admin import OTPAdminSite


class PortalAdminSite(OTPAdminSite):
    """Django's admin for staff whose session has passed a code."""

    site_header = site_title = "EPCS Portal administration"
    index_title = "Administration"

    def __init__(self, name: str = "admin"):
        super().__init__(name)

    def has_permission(self, request):
        """Ask at every request, so that removing the device closes the site at once."""
        if not super().has_permission(request):
            return False
        device = request.user.otp_device
        return device.retired_at is None and device.disabled_at is None

    def login(self, request, extra_context=None):
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        wanted = request.GET.get("next", "")
        query = f"?{urlencode({'next': wanted})}" if wanted else ""
        return redirect(reverse("admin-verify") + query)

    def password_change(self, request, extra_context=None):
        return redirect("password-change")
