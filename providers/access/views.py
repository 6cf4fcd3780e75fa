"""Pages of access managers: what waits, who may sign, and what was decided."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.forms import Form
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from foundation.actors import AuthenticatedRequest, User
from foundation.pages import form_page
from foundation.refusals import Refused
from mfa.forms import ProofForm, passes, proof_form, proof_page
from mfa.models import Device, Purpose
from providers import access_managers
from providers.access import access_requests, approval
from providers.access import overview as access_overview
from providers.access.forms import GrantForm, PersonForm, ReasonForm
from providers.models import AccessRequest, Practice, Provider
from providers.permissions import AccessRefused

PAGE_SIZE = 25
SHOWN_WITH = (
    "practice",
    "person",
    "provider",
    "entered_by",
    "closed_by",
    "verification__dea_registration",
    "verification__state_license",
    "verification__verified_by",
)


@require_safe
def overview(request: AuthenticatedRequest) -> HttpResponse:
    """Show each practice's people, what waits, and the decisions so far."""
    closed = AccessRequest.objects.visible_to(request.user).closed()
    closed = closed.select_related(*SHOWN_WITH).order_by("-closed_at")
    practices = access_managers.practices_of(request.user)
    context = {
        "practices": [access_overview.of(practice) for practice in practices],
        "page": Paginator(closed, PAGE_SIZE).get_page(request.GET.get("page")),
    }
    return render(request, "providers/access/overview.html", context)


def request_grant(
    request: AuthenticatedRequest, practice_id: UUID, provider_id: UUID
) -> HttpResponse:
    practice = _practice_or_404(request, practice_id)
    provider = _provider_or_404(practice, provider_id)
    form = GrantForm(provider, practice, request.POST or None)
    if form.is_valid():
        verb, look_up = access_requests.request_grant, form.look_up()
        facts = {"practice": practice, "look_up": look_up}
        if requested := _requested(request, form, verb, provider, **facts):
            return redirect("access-request", requested.public_id)
    context: dict[str, Any] = {"practice": practice, "provider": provider}
    return form_page(request, "providers/access/grant.html", form, **context)


def request_revocation(
    request: AuthenticatedRequest, practice_id: UUID, provider_id: UUID
) -> HttpResponse:
    practice = _practice_or_404(request, practice_id)
    provider = _provider_or_404(practice, provider_id)
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        verb = access_requests.request_revocation
        facts = {"practice": practice, **form.cleaned_data}
        if requested := _requested(request, form, verb, provider, **facts):
            return redirect("access-request", requested.public_id)
    context: dict[str, Any] = {"practice": practice, "provider": provider}
    return form_page(request, "providers/access/revoke.html", form, **context)


def request_designation(
    request: AuthenticatedRequest, practice_id: UUID
) -> HttpResponse:
    practice = _practice_or_404(request, practice_id)
    return _request_about_person(
        request,
        practice,
        people=access_overview.designable(practice).exclude(pk=request.user.pk),
        verb=access_requests.request_designation,
        template="providers/access/name.html",
    )


def request_dismissal(request: AuthenticatedRequest, practice_id: UUID) -> HttpResponse:
    practice = _practice_or_404(request, practice_id)
    return _request_about_person(
        request,
        practice,
        people=access_overview.designated(practice).exclude(pk=request.user.pk),
        verb=access_requests.request_dismissal,
        template="providers/access/dismiss.html",
    )


@require_POST
def resign(request: AuthenticatedRequest, practice_id: UUID) -> HttpResponse:
    practice = _practice_or_404(request, practice_id)
    access_managers.resign(request.user, practice=practice)
    messages.success(request, f"You no longer set access at {practice}.")
    return redirect("access-list")


@sensitive_post_parameters("password", "code")
def review(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    """Show exactly what is approved, and below it ask for the two factors."""
    access_request = _request_or_404(request, public_id)
    objections: list[AccessRefused] = []
    form = None
    if access_request.is_open:
        objections = approval.objections(access_request, by=request.user)
        form = None if objections else _proof_form(request, access_request)
    if request.method == "POST" and form is None:
        access_requests.record_refusal(access_request, objections, by=request.user)
    if form and passes(form) and _approve(request, access_request, form):
        return redirect("access-request", access_request.public_id)
    return proof_page(
        request,
        "providers/access/request.html",
        form,
        refused=request.method == "POST",
        access_request=access_request,
        objections=objections,
        is_requested_by_me=access_request.entered_by_id == request.user.pk,
        is_own=approval.is_own(access_request, by=request.user),
    )


def decline(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    access_request = _request_or_404(request, public_id)
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        try:
            access_requests.decline(
                access_request, by=request.user, **form.cleaned_data
            )
        except AccessRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Declined. Nothing was changed.")
            return redirect("access-list")
    context: dict[str, Any] = {"access_request": access_request}
    return form_page(request, "providers/access/decline.html", form, **context)


@require_POST
def withdraw(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    access_request = _request_or_404(request, public_id)
    try:
        access_requests.withdraw(access_request, by=request.user)
    except AccessRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("access-request", access_request.public_id)
    messages.success(request, "Taken back. Nothing was changed.")
    return redirect("access-list")


def give_up(request: AuthenticatedRequest) -> HttpResponse:
    """Revoke one's own access, at once and alone."""
    provider = get_object_or_404(Provider, user=request.user)
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        try:
            access_requests.give_up(provider, by=request.user, **form.cleaned_data)
        except AccessRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "You no longer sign controlled substances.")
            return redirect("erx-info")
    return form_page(request, "providers/access/give_up.html", form)


def _proof_form(
    request: AuthenticatedRequest, access_request: AccessRequest
) -> ProofForm:
    return proof_form(
        request,
        purpose=Purpose.APPROVE_ACCESS,
        digest=access_request.digest,
        devices=Device.objects.visible_to(request.user).usable(),
        message=approval.message(access_request),
    )


def _approve(
    request: AuthenticatedRequest, access_request: AccessRequest, form: ProofForm
) -> bool:
    try:
        access_requests.approve(
            access_request,
            by=request.user,
            challenge=form.challenge,
            session_key=request.session.session_key,
        )
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return False
    messages.success(request, "Executed. It is in force now.")
    return True


def _request_about_person(
    request: AuthenticatedRequest,
    practice: Practice,
    *,
    people: QuerySet[User],
    verb: Callable[..., AccessRequest],
    template: str,
) -> HttpResponse:
    form = PersonForm(people, request.POST or None)
    if form.is_valid():
        person = form.cleaned_data["person"]
        if requested := _requested(request, form, verb, person, practice=practice):
            return redirect("access-request", requested.public_id)
    context: dict[str, Any] = {"practice": practice, "has_people": people.exists()}
    return form_page(request, template, form, **context)


def _requested(
    request: AuthenticatedRequest,
    form: Form,
    verb: Callable[..., AccessRequest],
    about: Provider | User,
    **facts: Any,
) -> AccessRequest | None:
    """Return the new request; or put the refusal on the form and return None."""
    try:
        access_request = verb(about, by=request.user, **facts)
    except AccessRefused as refusal:
        form.add_error(None, str(refusal))
        return None
    messages.success(request, "Entered. A second person executes it.")
    return access_request


def _practice_or_404(request: AuthenticatedRequest, public_id: UUID) -> Practice:
    practices = access_managers.practices_of(request.user)
    return get_object_or_404(practices, public_id=public_id)


def _provider_or_404(practice: Practice, public_id: UUID) -> Provider:
    provider = get_object_or_404(Provider, public_id=public_id)
    if not access_overview.providers_of(practice).filter(pk=provider.pk).exists():
        raise Http404
    return provider


def _request_or_404(request: AuthenticatedRequest, public_id: UUID) -> AccessRequest:
    visible = AccessRequest.objects.visible_to(request.user)
    return get_object_or_404(visible.select_related(*SHOWN_WITH), public_id=public_id)
