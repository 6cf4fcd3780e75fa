from http import HTTPStatus
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from audit import chain
from audit.acts import Act
from audit.admin import AuditedAdmin
from epcs_portal.models import User
from foundation import notices

# Memberships and access grants say who may do what; groups play no part.
admin.site.unregister(Group)


@admin.register(User)
class PortalUserAdmin(AuditedAdmin, UserAdmin):
    """Accounts; passwords are set through Django's form and never shown."""

    list_display = ["username", "first_name", "last_name", "is_staff", "is_active"]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        ("Person", {"fields": ["first_name", "last_name", "email"]}),
        ("Access", {"fields": ["is_active", "is_staff", "is_superuser"]}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (
            None,
            {
                "fields": [
                    "username",
                    "email",
                    "usable_password",
                    "password1",
                    "password2",
                ]
            },
        ),
    ]
    list_filter = ["is_staff", "is_superuser", "is_active"]
    readonly_fields = ["last_login", "date_joined"]
    filter_horizontal = []

    def get_readonly_fields(
        self, request: HttpRequest, obj: User | None = None
    ) -> list[Any] | tuple[Any, ...]:
        """Fix the username: the record names people by it."""
        fields = super().get_readonly_fields(request, obj)
        return [*fields, "username"] if obj else fields

    def save_model(
        self, request: HttpRequest, obj: User, form: ModelForm[User], change: bool
    ) -> None:
        """Notify the former address, where the account's owner still reads."""
        with transaction.atomic():
            if change and "email" in form.changed_data:
                notices.send(
                    User.objects.get(pk=obj.pk),
                    subject="The address of your account was changed",
                    template="epcs_portal/mail/address_changed.txt",
                )
            super().save_model(request, obj, form, change)

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        """Set somebody else's password and notify them; never your own."""
        owner = self.get_object(request, unquote(id))
        if owner == request.user:
            return redirect("password-change")
        with transaction.atomic():
            response = super().user_change_password(request, id, form_url)
            if owner and response.status_code == HTTPStatus.FOUND:
                notices.send(
                    owner,
                    subject="A new password was set for your account",
                    template="epcs_portal/mail/password_set.txt",
                )
                chain.record(
                    Act.USER_CHANGED, by=request.user, of=owner, fields=["password"]
                )
        return response
