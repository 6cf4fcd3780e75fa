"""The drug data in the admin: what was imported, and what waits for a decision."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from audit.admin import Recorded, Window
from prescriptions.drugs import search
from prescriptions.drugs.ndc import reviews
from prescriptions.models import (
    Decision,
    Drug,
    DrugPackage,
    DrugProduct,
    DrugSource,
    ImportRun,
    RefusedRow,
    ReviewTask,
)

OF_THE_PORTAL = ["is_active"]  # of a drug that FDA describes


@admin.register(Drug)
class DrugAdmin(Recorded):
    list_display = ["name", "schedule", "source", "ndc", "is_active", "unavailable"]
    list_filter = ["schedule", "source", "is_active"]
    search_fields = ["name", "substance", "brands", "ndc"]
    readonly_fields = ["source", "unavailable"]

    def get_readonly_fields(self, request, obj=None):
        shown = super().get_readonly_fields(request, obj)
        if obj is None or obj.source != DrugSource.NDC:
            return shown
        described = [field.name for field in Drug._meta.fields if field.editable]
        return [*shown, *(name for name in described if name not in OF_THE_PORTAL)]

    def save_model(self, request, obj, form, change):
        if {"name", "strength", "form"} & set(form.changed_data):
            obj.key = None  # the next import finds out anew which products are this
        super().save_model(request, obj, form, change)
        search.index([obj])


@admin.register(DrugProduct)
class DrugProductAdmin(Window):
    list_display = ["product_ndc", "drug", "labeler", "schedule", "retired_at"]
    list_filter = ["schedule", ("retired_at", admin.EmptyFieldListFilter)]
    list_select_related = ["drug"]
    search_fields = ["product_ndc", "proprietary_name", "labeler", "drug__name"]
    show_full_result_count = False


@admin.register(DrugPackage)
class DrugPackageAdmin(Window):
    list_display = ["as_written", "ndc", "product", "is_sample", "retired_at"]
    list_select_related = ["product"]
    search_fields = ["ndc", "as_written"]
    show_full_result_count = False


@admin.register(ImportRun)
class ImportRunAdmin(Window):
    """How far an import is; reload the page to see it move."""

    list_display = ["source", "state", "stage", "done", "started_at", "updated_at"]
    list_filter = ["state"]

    @admin.display(description="done")
    def done(self, run) -> str:
        return f"{run.percent}%"


@admin.register(RefusedRow)
class RefusedRowAdmin(Window):
    list_display = ["file", "line", "product", "reason", "run"]
    list_filter = ["file", "run"]
    list_select_related = ["run"]
    search_fields = ["product", "reason"]
    show_full_result_count = False


@admin.register(ReviewTask)
class ReviewTaskAdmin(Window):
    """Differences between schedules, and the two buttons that decide each."""

    list_display = ["__str__", "product_ndc", "opened_at", "decision", "decided_by"]
    list_filter = ["decision", "new_schedule"]
    list_select_related = ["drug", "decided_by"]
    search_fields = ["drug__name", "product_ndc", "labeler"]
    change_form_template = "admin/prescriptions/reviewtask/change_form.html"

    def change_view(self, request, object_id, form_url="", extra_context=None):
        task = ReviewTask.objects.filter(pk=object_id, decision=Decision.OPEN)
        shown = {"is_to_decide": task.exists() and self._may_decide(request)}
        return super().change_view(
            request, object_id, form_url, (extra_context or {}) | shown
        )

    def get_urls(self):
        own = path(
            "<int:pk>/decide/",
            self.admin_site.admin_view(require_POST(self.decide)),
            name="prescriptions_reviewtask_decide",
        )
        return [own, *super().get_urls()]

    def decide(self, request, pk):
        if not self._may_decide(request):
            raise PermissionDenied("Your account may look at reviews only.")
        task = get_object_or_404(ReviewTask, pk=pk)
        accept = request.POST.get("decision") == Decision.ACCEPTED
        if not accept and request.POST.get("decision") != Decision.KEPT:
            messages.error(request, "Choose one of the two schedules.")
            return redirect("admin:prescriptions_reviewtask_change", pk)
        try:
            reviews.decide(task, accept=accept, by=request.user)
        except reviews.NotDecided as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, "Decided, and on record.")
        return redirect(reverse("admin:prescriptions_reviewtask_change", args=[pk]))

    def _may_decide(self, request) -> bool:
        return request.user.has_perm("prescriptions.change_reviewtask")
