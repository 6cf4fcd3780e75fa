"""The drugs in the admin; what FDA describes is changed by an import only."""

from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest

from audit.admin import AuditedAdmin
from prescriptions.drugs import search
from prescriptions.models import Drug, DrugSource

EDITABLE = ["is_active"]  # of a drug that FDA describes


@admin.register(Drug)
class DrugAdmin(AuditedAdmin):
    list_display = ["name", "schedule", "source", "ndc", "is_active", "unavailable"]
    list_filter = ["schedule", "source", "is_active"]
    search_fields = ["name", "substance", "brands", "ndc"]
    readonly_fields = ["source", "unavailable"]

    def get_readonly_fields(
        self, request: HttpRequest, obj: Drug | None = None
    ) -> list[Any]:
        readonly = list(super().get_readonly_fields(request, obj))
        if obj is None or obj.source != DrugSource.NDC:
            return readonly
        described = [field.name for field in Drug._meta.fields if field.editable]
        return [*readonly, *(name for name in described if name not in EDITABLE)]

    def save_model(
        self, request: HttpRequest, obj: Drug, form: ModelForm, change: bool
    ) -> None:
        if {"name", "strength", "form"} & set(form.changed_data):
            obj.key = None  # the next import matches products to this drug again
        super().save_model(request, obj, form, change)
        search.index([obj])
