from django.contrib import admin

from audit.models import ChainHead, Checkpoint, Event


class Window(admin.ModelAdmin):
    """Look, search, never touch."""

    actions = None

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


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
