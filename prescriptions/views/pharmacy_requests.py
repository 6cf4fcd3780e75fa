from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from foundation.actors import AuthenticatedRequest
from foundation.pages import form_page
from prescriptions.delivery import pharmacy_requests
from prescriptions.delivery.forms import DenyForm
from prescriptions.models import PharmacyRequest, RequestState
from prescriptions.writing import drafts

PAGE_SIZE = 50
SHOWN_WITH = [
    "prescription__patient",
    "prescription__drug",
    "prescription__pharmacy",
    "prescription__practice",
    "prescription__prescriber__user",
    "draft",
    "decided_by",
]


@require_safe
def index(request: AuthenticatedRequest) -> HttpResponse:
    """List the requests of pharmacies: open ones first, then those decided."""
    shown = PharmacyRequest.objects.visible_to(request.user).select_related(*SHOWN_WITH)
    waiting = shown.waiting()
    decided = shown.exclude(pk__in=waiting.values("pk"))
    return render(
        request,
        "prescriptions/requests.html",
        {
            "waiting": waiting[:PAGE_SIZE],
            "page": Paginator(decided, PAGE_SIZE).get_page(request.GET.get("page")),
        },
    )


def detail(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    """Show a request, and deny it."""
    asked = _request_or_404(request, public_id)
    form = DenyForm(request.POST or None)
    if form.is_valid():
        try:
            reason = form.cleaned_data["reason"]
            pharmacy_requests.deny(asked, by=request.user, reason=reason)
        except drafts.WritingRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Denied. The pharmacy is told.")
            return redirect("pharmacy-request-list")
    return form_page(
        request,
        "prescriptions/request.html",
        form,
        asked=asked,
        prescription=asked.prescription,
        is_open=asked.state == RequestState.OPEN,
    )


@require_POST
def write(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    """Write the prescription that answers a request, as a draft."""
    asked = _request_or_404(request, public_id)
    try:
        draft = pharmacy_requests.write(asked, by=request.user)
    except drafts.WritingRefused as refusal:
        messages.error(request, str(refusal))
        return redirect(asked)
    return redirect("prescription-edit", draft.public_id)


def _request_or_404(request: AuthenticatedRequest, public_id: UUID) -> PharmacyRequest:
    return get_object_or_404(
        PharmacyRequest.objects.visible_to(request.user).select_related(*SHOWN_WITH),
        public_id=public_id,
    )
