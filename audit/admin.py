from django.contrib import admin
from django.db import transaction

from audit import chain
from audit.acts import Act
from audit.models import ChainHead, Checkpoint, Event, Incident


class Window(admin.ModelAdmin):
    """Look, search, never touch."""

    actions = None

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


class Recorded(admin.ModelAdmin):
    """Every change goes on record in its own transaction; nothing is deleted."""

    actions = None

    def has_delete_permission(self, request, obj=None):
        return False

    def save_model(self, request, obj, form, change):
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            chain.record(
                Act.ADMIN_CHANGED,
                by=request.user,
                of=obj,
                model=obj._meta.label_lower,
                added=not change,
                fields=sorted(form.changed_data),
            )


@admin.register(Event)
class EventAdmin(Window):
    list_display = ["at", "actor", "label", "outcome", "subject", "address"]
    list_filter = ["outcome", "act"]
    search_fields = ["actor", "subject", "stream", "request_id"]
    date_hierarchy = "at"
    show_full_result_count = False


@admin.register(ChainHead)
class ChainHeadAdmin(Window):
    list_display = ["stream", "sequence", "hash"]
    search_fields = ["stream"]


@admin.register(Checkpoint)
class CheckpointAdmin(Window):
    list_display = ["sequence", "at", "streams", "events", "hash"]


@admin.register(Incident)
class IncidentAdmin(Window):
    list_display = ["at", "username", "kind"]
    list_filter = ["kind"]
    search_fields = ["username"]
    date_hierarchy = "at"
