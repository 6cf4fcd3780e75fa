"""The administration site, behind password and code."""

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django_otp.admin import OTPAdminSite


class PortalAdminSite(OTPAdminSite):
    """Django's admin, for staff whose session has passed a device's challenge."""

    site_header = site_title = "EPCS Portal administration"
    index_title = "Administration"

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)

    def has_permission(self, request: HttpRequest) -> bool:
        """Check at every request, so that removing the device closes the site at once."""
        if not super().has_permission(request):
            return False
        # OTPMiddleware sets it.
        device = request.user.otp_device  # type: ignore[union-attr]
        return device.retired_at is None and device.disabled_at is None

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseRedirect:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        wanted = request.GET.get("next", "")
        query = f"?{urlencode({'next': wanted})}" if wanted else ""
        return redirect(reverse("admin-verify") + query)

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseRedirect:
        return redirect("password-change")
