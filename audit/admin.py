from typing import Any

from django.contrib import admin, messages
from django.db import IntegrityError, transaction
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
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
    """Search and read only."""

    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return False


class AuditedAdmin(admin.ModelAdmin):
    """Every change is recorded in its own transaction; nothing is deleted."""

    actions = None

    def has_delete_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return False

    def changeform_view(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show a refusal of the database as a message."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except IntegrityError as refusal:
            problem = str(refusal).partition("\n")[0]
            messages.error(request, f"Nothing was changed: {problem}.")
            return redirect(request.get_full_path())

    def save_model(
        self, request: HttpRequest, obj: Any, form: ModelForm, change: bool
    ) -> None:
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

    def has_add_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return False


@admin.register(Incident)
class IncidentAdmin(ReadOnlyAdmin):
    list_display = ["at", "due_at", "username", "label", "paragraph", "decision"]
    list_filter = ["kind", "paragraph"]
    search_fields = ["username", "stream"]
    date_hierarchy = "at"
    inlines = [StepInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Incident]:
        return Incident.objects.with_state()

    @admin.display(empty_value="To be decided")
    def decision(self, incident: Incident) -> str | None:
        return incident.decision and Step(incident.decision).label


@admin.register(DailyReport)
class DailyReportAdmin(ReadOnlyAdmin):
    list_display = ["day", "generated_at", "is_late", "events", "total", "hash"]
    date_hierarchy = "day"


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    list_display = ["name", "at"]
