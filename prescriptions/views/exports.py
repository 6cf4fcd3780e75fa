from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from foundation.actors import AuthenticatedRequest
from foundation.pages import STOP_ASKING, form_page
from prescriptions.models import Export, ExportState
from prescriptions.records import exports
from prescriptions.records.forms import ExportForm

PAGE_SIZE = 20


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: AuthenticatedRequest) -> HttpResponse:
    """List the exports that a user requested, and request another."""
    scopes = exports.scopes_for(request.user)
    form = ExportForm(scopes, request.POST or None) if scopes else None
    if form and form.is_valid():
        return redirect(exports.request(by=request.user, **form.arguments))
    exports_shown = Export.objects.visible_to(request.user).select_related(
        "practice", "provider"
    )
    page = Paginator(exports_shown, PAGE_SIZE).get_page(request.GET.get("page"))
    return form_page(request, "prescriptions/exports/list.html", form, page=page)


@require_safe
def detail(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    export = _export_or_404(request, public_id)
    return render(request, "prescriptions/exports/detail.html", {"export": export})


@require_safe
def state(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    """Render only the progress, for the page that refreshes itself."""
    export = _export_or_404(request, public_id)
    return render(
        request,
        "prescriptions/exports/_progress.html",
        {"export": export},
        status=200 if export.is_under_way else STOP_ASKING,
    )


@require_http_methods(["POST"])
def download(request: AuthenticatedRequest, public_id: UUID) -> HttpResponseBase:
    export = _export_or_404(request, public_id)
    if export.state != ExportState.DONE:
        messages.info(request, "There is nothing to download.")
        return redirect(export)
    try:
        file = exports.path_of(export).open("rb")
    except OSError:
        raise Http404("The file is gone.") from None
    exports.record_download(export, by=request.user)
    name = f"prescriptions-{export.requested_at:%Y-%m-%d}.zip"
    return FileResponse(file, as_attachment=True, filename=name)


def _export_or_404(request: AuthenticatedRequest, public_id: UUID) -> Export:
    return get_object_or_404(
        Export.objects.visible_to(request.user).select_related("practice", "provider"),
        public_id=public_id,
    )
