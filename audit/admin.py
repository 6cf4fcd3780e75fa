from django.contrib import admin, messages
from django.db import IntegrityError, transaction
from django.shortcuts import redirect

from audit import chain
from audit.acts import Act
from audit.models import (
    ChainHead,
    Checkpoint,
    DailyReport,
    Event,
    Heartbeat,
    Incident,
    IncidentStep,
    Step,
)


class ReadOnlyAdmin(admin.ModelAdmin):
    """Look, search, never touch."""

    actions = None

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


class AuditedAdmin(admin.ModelAdmin):
    """Every change goes on record in its own transaction; nothing is deleted."""

    actions = None

    def has_delete_permission(self, request, obj=None):
        return False

    def changeform_view(self, request, *args, **kwargs):
        """Say what only the database knows against a change, instead of failing."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except IntegrityError as refusal:
            why = str(refusal).partition("\n")[0]
            messages.error(request, f"Nothing was changed: {why}.")
            return redirect(request.get_full_path())

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
class EventAdmin(ReadOnlyAdmin):
    list_display = ["at", "actor", "label", "outcome", "subject", "address"]
    list_filter = ["outcome", "act"]
    search_fields = ["actor", "subject", "stream", "request_id"]
    date_hierarchy = "at"
    show_full_result_count = False


@admin.register(ChainHead)
class ChainHeadAdmin(ReadOnlyAdmin):
    list_display = ["stream", "sequence", "hash"]
    search_fields = ["stream"]


@admin.register(Checkpoint)
class CheckpointAdmin(ReadOnlyAdmin):
    list_display = ["sequence", "at", "streams", "events", "hash"]


class StepInline(admin.TabularInline):
    model = IncidentStep
    extra = 0

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(Incident)
class IncidentAdmin(ReadOnlyAdmin):
    list_display = ["at", "due_at", "username", "label", "paragraph", "decision"]
    list_filter = ["kind", "paragraph"]
    search_fields = ["username", "stream"]
    date_hierarchy = "at"
    inlines = [StepInline]

    def get_queryset(self, request):
        return Incident.objects.with_state()

    @admin.display(empty_value="To be decided")
    def decision(self, incident):
        return incident.decision and Step(incident.decision).label


@admin.register(DailyReport)
class DailyReportAdmin(ReadOnlyAdmin):
    list_display = ["day", "generated_at", "is_late", "events", "total", "hash"]
    date_hierarchy = "day"


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    list_display = ["name", "at"]
