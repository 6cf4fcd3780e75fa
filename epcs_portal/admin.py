from http import HTTPStatus

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.shortcuts import redirect

from audit import chain
from audit.acts import Act
from audit.admin import Recorded
from epcs_portal.models import User
from foundation import notices

# Who may do what is said by memberships and access grants.
admin.site.unregister(Group)


@admin.register(User)
class PortalUserAdmin(Recorded, UserAdmin):
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

    def get_readonly_fields(self, request, obj=None):
        """The record names people by their user names, so nobody takes over another's."""
        kept = super().get_readonly_fields(request, obj)
        return [*kept, "username"] if obj else kept

    def save_model(self, request, obj, form, change):
        """Tell the former address, where its owner still reads."""
        with transaction.atomic():
            if change and "email" in form.changed_data:
                notices.send(
                    User.objects.get(pk=obj.pk),
                    subject="The address of your account was changed",
                    template="epcs_portal/mail/address_changed.txt",
                )
            super().save_model(request, obj, form, change)

    def user_change_password(self, request, id, form_url=""):
        """Set another's password, and tell them; one's own is changed by who knows it."""
        changed = self.get_object(request, unquote(id))
        if changed == request.user:
            return redirect("password-change")
        with transaction.atomic():
            response = super().user_change_password(request, id, form_url)
            if response.status_code == HTTPStatus.FOUND:
                notices.send(
                    changed,
                    subject="A new password was set for your account",
                    template="epcs_portal/mail/password_set.txt",
                )
                chain.record(
                    Act.USER_CHANGED, by=request.user, of=changed, fields=["password"]
                )
        return response
