"""The administration site, behind password and code."""

from django.contrib.auth.views import redirect_to_login
from django.shortcuts import redirect
from django_otp.admin import OTPAdminSite


class PortalAdminSite(OTPAdminSite):
    """Django's admin for staff whose session has passed a code (adversarial case J05)."""

    site_header = site_title = "EPCS Portal administration"
    index_title = "Administration"

    def __init__(self, name: str = "admin"):
        super().__init__(name)

    def login(self, request, extra_context=None):
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        return redirect("admin-verify")
