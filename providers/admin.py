from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from audit.admin import Recorded, Window
from mfa.models import IdmeAccount
from providers import access
from providers.models import (
    AccessGrant,
    DeaRegistration,
    Membership,
    Practice,
    Provider,
    StateLicense,
)


class Owned(Recorded):
    """What is about somebody stays about them: that is chosen once, when it is added."""

    owner: tuple[str, ...] = ()

    def get_readonly_fields(self, request, obj=None):
        return self.owner if obj else ()


@admin.register(Practice)
class PracticeAdmin(Recorded):
    list_display = ["name", "city", "state", "time_zone"]
    search_fields = ["name"]


@admin.register(Membership)
class MembershipAdmin(Owned):
    owner = ("user", "practice")
    list_display = ["user", "practice", "role", "joined_on", "left_on"]
    list_filter = ["role", "practice"]
    search_fields = ["user__username"]


@admin.register(DeaRegistration)
class DeaRegistrationAdmin(Owned):
    owner = ("provider", "number")
    list_display = ["number", "provider", "state", "schedules", "expires_on"]
    search_fields = ["number", "provider__last_name"]


@admin.register(StateLicense)
class StateLicenseAdmin(Owned):
    owner = ("provider", "state", "number")
    list_display = ["number", "provider", "state", "expires_on"]
    search_fields = ["number", "provider__last_name"]


@admin.register(AccessGrant)
class AccessGrantAdmin(Window):
    list_display = ["provider", "granted_by", "granted_at", "revoked_at"]
    list_filter = ["is_provisional"]


@admin.register(Provider)
class ProviderAdmin(Owned):
    """Facts about a provider, and the buttons that approve and end approval."""

    owner = ("user",)
    list_display = ["__str__", "npi", "is_approved"]
    search_fields = ["last_name", "npi"]
    change_form_template = "admin/providers/provider/change_form.html"

    def get_queryset(self, request):
        in_force = AccessGrant.objects.filter(provider=OuterRef("pk"), revoked_at=None)
        return super().get_queryset(request).annotate(may_sign=Exists(in_force))

    @admin.display(boolean=True, description="may sign")
    def is_approved(self, provider) -> bool:
        return provider.may_sign

    def change_view(self, request, object_id, form_url="", extra_context=None):
        grants = AccessGrant.objects.filter(provider=object_id, revoked_at=None)
        accounts = IdmeAccount.objects.linked().filter(user__provider=object_id)
        shown = {"grant": grants.first(), "account": accounts.first()}
        return super().change_view(
            request, object_id, form_url, (extra_context or {}) | shown
        )

    def get_urls(self):
        own = [
            path(
                "<int:pk>/approve/",
                self.admin_site.admin_view(require_POST(self.approve)),
                name="providers_provider_approve",
            ),
            path(
                "<int:pk>/revoke/",
                self.admin_site.admin_view(self.revoke),
                name="providers_provider_revoke",
            ),
        ]
        return own + super().get_urls()

    def approve(self, request, pk):
        provider = self._changeable_or_403(request, pk)
        try:
            access.grant(provider, by=request.user)
        except access.NotAllowed as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(
                request, f"{provider} may sign now. This approval is provisional."
            )
        return redirect(reverse("admin:providers_provider_change", args=[pk]))

    def revoke(self, request, pk):
        provider = self._changeable_or_403(request, pk)
        reason = request.POST.get("reason", "").strip()[:200]
        if request.method != "POST" or not reason:
            return render(
                request,
                "admin/providers/provider/revoke.html",
                {**self.admin_site.each_context(request), "provider": provider},
            )
        try:
            access.revoke(provider, by=request.user, reason=reason)
        except access.NotAllowed as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, f"{provider} may no longer sign.")
        return redirect(reverse("admin:providers_provider_change", args=[pk]))

    def _changeable_or_403(self, request, pk) -> Provider:
        provider = get_object_or_404(Provider, pk=pk)
        if not self.has_change_permission(request, provider):
            raise PermissionDenied("Your account may look at providers only.")
        return provider
