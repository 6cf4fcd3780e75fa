from django.contrib import admin

from audit.admin import ReadOnlyAdmin
from mfa.models import Challenge, Device, IdmeAccount


@admin.register(Device)
class DeviceAdmin(ReadOnlyAdmin):
    """Devices and their owners; no secret has a field here, sealed or not."""

    list_display = ["name", "user", "kind", "source", "is_primary", "retired_at"]
    list_filter = ["kind", "source", "is_primary"]
    search_fields = ["user__username", "name"]
    fields = [
        "user",
        "name",
        "kind",
        "source",
        "confirmed",
        "is_primary",
        "created_at",
        "last_used_at",
        "locked_until",
        "disabled_at",
        "retired_at",
    ]


@admin.register(IdmeAccount)
class IdmeAccountAdmin(ReadOnlyAdmin):
    list_display = [
        "user",
        "identity_assurance",
        "authenticator_assurance",
        "unlinked_at",
    ]
    search_fields = ["user__username", "email"]
    fields = [
        "user",
        "issuer",
        "subject",
        "email",
        "first_name",
        "last_name",
        "identity_assurance",
        "authenticator_assurance",
        "linked_at",
        "unlinked_at",
        "authenticated_at",
        "devices_refreshed_at",
    ]


@admin.register(Challenge)
class ChallengeAdmin(ReadOnlyAdmin):
    list_display = ["started_at", "user", "device", "purpose", "state"]
    list_filter = ["purpose", "state"]
    search_fields = ["user__username", "public_id"]
    fields = [
        "public_id",
        "user",
        "device",
        "purpose",
        "state",
        "started_at",
        "answered_at",
        "consumed_at",
    ]
