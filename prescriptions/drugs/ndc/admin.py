"""FDA's directory in the admin: what was imported, and the schedules to decide."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from audit.admin import ReadOnlyAdmin
from foundation.actors import AuthenticatedRequest
from prescriptions.drugs.ndc import reviews
from prescriptions.models import (
    Decision,
    DrugPackage,
    DrugProduct,
    ImportRun,
    RefusedRow,
    ReviewTask,
)


@admin.register(DrugProduct)
class DrugProductAdmin(ReadOnlyAdmin):
    list_display = ["product_ndc", "drug", "labeler", "schedule", "retired_at"]
    list_filter = ["schedule", ("retired_at", admin.EmptyFieldListFilter)]
    list_select_related = ["drug"]
    search_fields = ["product_ndc", "proprietary_name", "labeler", "drug__name"]
    show_full_result_count = False


@admin.register(DrugPackage)
class DrugPackageAdmin(ReadOnlyAdmin):
    list_display = ["as_written", "ndc", "product", "is_sample", "retired_at"]
    list_select_related = ["product"]
    search_fields = ["ndc", "as_written"]
    show_full_result_count = False


@admin.register(ImportRun)
class ImportRunAdmin(ReadOnlyAdmin):
    """Imports and their progress; reload the page to update it."""

    list_display = ["source", "state", "stage", "done", "started_at", "updated_at"]
    list_filter = ["state"]

    @admin.display(description="done")
    def done(self, run: ImportRun) -> str:
        return f"{run.percent}%"


@admin.register(RefusedRow)
class RefusedRowAdmin(ReadOnlyAdmin):
    list_display = ["file", "line", "product", "reason", "run"]
    list_filter = ["file", "run"]
    list_select_related = ["run"]
    search_fields = ["product", "reason"]
    show_full_result_count = False


@admin.register(ReviewTask)
class ReviewTaskAdmin(ReadOnlyAdmin):
    """Differences between schedules, each with two buttons to decide it."""

    list_display = ["__str__", "product_ndc", "opened_at", "decision", "decided_by"]
    list_filter = ["decision", "new_schedule"]
    list_select_related = ["drug", "decided_by"]
    search_fields = ["drug__name", "product_ndc", "labeler"]
    change_form_template = "admin/prescriptions/reviewtask/change_form.html"

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        task = ReviewTask.objects.filter(pk=object_id, decision=Decision.OPEN)
        context = {"is_to_decide": task.exists() and _may_decide(request)}
        return super().change_view(
            request, object_id, form_url, (extra_context or {}) | context
        )

    def get_urls(self) -> list[URLPattern]:
        decide = path(
            "<int:pk>/decide/",
            self.admin_site.admin_view(require_POST(self.decide)),
            name="prescriptions_reviewtask_decide",
        )
        return [decide, *super().get_urls()]

    def decide(self, request: AuthenticatedRequest, pk: int) -> HttpResponse:
        if not _may_decide(request):
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
        return redirect("admin:prescriptions_reviewtask_change", pk)


def _may_decide(request: HttpRequest) -> bool:
    return request.user.has_perm("prescriptions.change_reviewtask")
