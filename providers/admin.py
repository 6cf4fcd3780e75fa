from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse

from audit.admin import AuditedAdmin, ReadOnlyAdmin
from foundation.actors import User
from mfa.models import IdmeAccount
from providers import access_managers
from providers.access import first_managers
from providers.institutions import roster
from providers.models import (
    AccessGrant,
    AccessRequest,
    CredentialingOfficer,
    DeaRegistration,
    Designee,
    Institution,
    Listing,
    Membership,
    Practice,
    Provider,
    StateLicense,
    Suspension,
)


class Owned(AuditedAdmin):
    """Facts about somebody: who that is gets chosen once, when they are added."""

    owner: tuple[str, ...] = ()

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        return self.owner if obj else ()


@admin.register(Practice)
class PracticeAdmin(AuditedAdmin):
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
class AccessGrantAdmin(ReadOnlyAdmin):
    list_display = ["provider", "practice", "granted_by", "granted_at", "revoked_at"]
    list_filter = ["is_provisional"]


@admin.register(AccessRequest)
class AccessRequestAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "practice", "entered_by", "state", "closed_by"]
    list_filter = ["state", "kind"]
    date_hierarchy = "entered_at"


@admin.register(Suspension)
class SuspensionAdmin(ReadOnlyAdmin):
    list_display = ["grant", "cause", "at", "reported_by"]
    list_filter = ["cause"]


@admin.register(Institution)
class InstitutionAdmin(AuditedAdmin):
    list_display = ["name", "dea_number", "expires_on", "ended_on"]
    search_fields = ["name", "dea_number"]


class FirstDesigneeForm(forms.ModelForm):
    """Designates an access manager of a practice that has too few to do so."""

    by: User

    class Meta:
        model = Designee
        fields = ["user", "practice"]

    def clean(self) -> dict[str, Any] | None:
        chosen = super().clean()
        if chosen and {"user", "practice"} <= chosen.keys():
            refusal = first_managers.objection_to(
                chosen["user"], practice=chosen["practice"], by=self.by
            )
            if refusal:
                raise forms.ValidationError(refusal)
        return chosen


class OfficerForm(forms.ModelForm):
    class Meta:
        model = CredentialingOfficer
        fields = ["user", "institution"]

    def clean(self) -> dict[str, Any] | None:
        chosen = super().clean()
        if chosen and {"user", "institution"} <= chosen.keys():
            refusal = roster.objection_to_officer(
                chosen["user"], institution=chosen["institution"]
            )
            if refusal:
                raise forms.ValidationError(refusal)
        return chosen


@admin.register(CredentialingOfficer)
class CredentialingOfficerAdmin(ReadOnlyAdmin):
    """Appoints credentialing officers; their office removes them itself."""

    form = OfficerForm
    list_display = ["user", "institution", "since", "until", "named_by"]
    list_filter = ["institution"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return admin.ModelAdmin.has_add_permission(self, request)

    def save_model(
        self,
        request: HttpRequest,
        obj: CredentialingOfficer,
        form: forms.ModelForm,
        change: bool,
    ) -> None:
        named = roster.appoint_officer(
            obj.user, institution=obj.institution, by=cast(User, request.user)
        )
        obj.pk = named.pk


@admin.register(Listing)
class ListingAdmin(ReadOnlyAdmin):
    list_display = ["provider", "institution", "is_approved", "ended_at"]
    list_filter = ["institution"]


@admin.register(Designee)
class DesigneeAdmin(ReadOnlyAdmin):
    """A window with one door: the first access managers are designated here."""

    form = FirstDesigneeForm
    list_display = ["user", "practice", "since", "until", "named_by"]
    list_filter = ["practice"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return admin.ModelAdmin.has_add_permission(self, request)

    def get_form(
        self,
        request: HttpRequest,
        obj: Designee | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> type[FirstDesigneeForm]:
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"by": request.user})

    def save_model(
        self,
        request: HttpRequest,
        obj: Designee,
        form: forms.ModelForm,
        change: bool,
    ) -> None:
        named = access_managers.designate(
            obj.user, practice=obj.practice, by=cast(User, request.user)
        )
        obj.pk = named.pk


@admin.register(Provider)
class ProviderAdmin(Owned):
    """Facts about a provider; access to sign is shown and never changed here."""

    owner = ("user",)
    list_display = ["__str__", "npi", "is_approved"]
    search_fields = ["last_name", "npi"]
    change_form_template = "admin/providers/provider/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Provider]:
        grants = AccessGrant.objects.current().filter(
            provider=OuterRef("pk"), is_provisional=False, suspensions=None
        )
        return super().get_queryset(request).annotate(may_sign=Exists(grants))

    @admin.display(boolean=True, description="may sign")
    def is_approved(self, provider: Provider) -> bool:
        return provider.may_sign  # type: ignore[attr-defined]  # annotated above

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        grants = AccessGrant.objects.current().filter(provider__pk=object_id)
        accounts = IdmeAccount.objects.linked().filter(user__provider__pk=object_id)
        shown = {
            "grants": grants.select_related("practice").prefetch_related("suspensions"),
            "account": accounts.first(),
        }
        return super().change_view(
            request, object_id, form_url, (extra_context or {}) | shown
        )
