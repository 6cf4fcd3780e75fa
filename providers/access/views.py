"""Pages of those who set access: what waits, who may sign, and what was decided."""

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from foundation.pages import form_page
from mfa import refusals
from mfa.forms import ProofForm, proof_page
from mfa.models import Device, Purpose
from providers import access_managers
from providers.access import access_requests, approval
from providers.access import overview as access_lists
from providers.access.forms import GrantForm, PersonForm, ReasonForm
from providers.models import AccessRequest, Practice, Provider
from providers.refusals import NotAllowed

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
def overview(request):
    """Show each practice's people and what waits, and the decisions so far."""
    closed = AccessRequest.objects.visible_to(request.user).closed()
    closed = closed.select_related(*SHOWN_WITH).order_by("-closed_at")
    return render(
        request,
        "providers/access/overview.html",
        {
            "practices": [
                access_lists.of(practice)
                for practice in access_managers.practices_of(request.user)
            ],
            "page": Paginator(closed, PAGE_SIZE).get_page(request.GET.get("page")),
        },
    )


def enter_grant(request, practice_id, provider_id):
    practice = _practice_or_404(request, practice_id)
    provider = _provider_or_404(practice, provider_id)
    form = GrantForm(provider, practice, request.POST or None)
    if form.is_valid():
        entered = _entered(
            request,
            form,
            access_requests.request_grant,
            provider,
            practice=practice,
            look_up=form.look_up(),
        )
        if entered:
            return redirect("access-request", entered.public_id)
    context = {"practice": practice, "provider": provider}
    return form_page(request, "providers/access/grant.html", form, **context)


def enter_revocation(request, practice_id, provider_id):
    practice = _practice_or_404(request, practice_id)
    provider = _provider_or_404(practice, provider_id)
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        entered = _entered(
            request,
            form,
            access_requests.request_revocation,
            provider,
            practice=practice,
            reason=form.cleaned_data["reason"],
        )
        if entered:
            return redirect("access-request", entered.public_id)
    context = {"practice": practice, "provider": provider}
    return form_page(request, "providers/access/revoke.html", form, **context)


def enter_naming(request, practice_id):
    practice = _practice_or_404(request, practice_id)
    people = access_lists.namable(practice).exclude(pk=request.user.pk)
    return _enter_about_person(
        request,
        practice,
        people,
        access_requests.request_designation,
        "providers/access/name.html",
    )


def enter_dismissal(request, practice_id):
    practice = _practice_or_404(request, practice_id)
    people = get_user_model().objects.filter(
        designations__practice=practice, designations__until=None
    )
    return _enter_about_person(
        request,
        practice,
        people.exclude(pk=request.user.pk),
        access_requests.request_dismissal,
        "providers/access/dismiss.html",
    )


@require_POST
def resign(request, practice_id):
    practice = _practice_or_404(request, practice_id)
    access_managers.resign(request.user, practice=practice)
    messages.success(request, f"You no longer set access at {practice}.")
    return redirect("access-list")


@sensitive_post_parameters("password", "code")
def review(request, public_id):
    """Show exactly what is executed, and below it ask for the two factors."""
    entered = _request_or_404(request, public_id)
    objections = []
    form = None
    if entered.is_open:
        objections = approval.objections(entered, by=request.user)
        form = None if objections else _proof_form(request, entered)
    if request.method == "POST" and form is None:
        access_requests.record_refusal(entered, objections, by=request.user)
    if form and form.is_valid() and _execute(request, entered, form):
        return redirect("access-request", entered.public_id)
    return proof_page(
        request,
        "providers/access/request.html",
        form,
        refused=request.method == "POST",
        entered=entered,
        objections=objections,
        is_entered_by_me=entered.entered_by_id == request.user.pk,
        is_own=approval.is_own(entered, by=request.user),
    )


def decline(request, public_id):
    entered = _request_or_404(request, public_id)
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        try:
            access_requests.decline(entered, by=request.user, **form.cleaned_data)
        except NotAllowed as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Declined. Nothing was changed.")
            return redirect("access-list")
    return form_page(request, "providers/access/decline.html", form, entered=entered)


@require_POST
def withdraw(request, public_id):
    entered = _request_or_404(request, public_id)
    try:
        access_requests.withdraw(entered, by=request.user)
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
        return redirect("access-request", entered.public_id)
    messages.success(request, "Taken back. Nothing was changed.")
    return redirect("access-list")


def give_up(request):
    """End one's own right to sign, at once and alone."""
    provider = get_object_or_404(Provider, user=request.user)
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        try:
            access_requests.give_up(provider, by=request.user, **form.cleaned_data)
        except NotAllowed as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "You no longer sign controlled substances.")
            return redirect("erx-info")
    return form_page(request, "providers/access/give_up.html", form)


def _proof_form(request, entered: AccessRequest) -> ProofForm:
    return ProofForm(
        request.user,
        request.POST or None,
        purpose=Purpose.APPROVE_ACCESS,
        payload_digest=entered.digest,
        session_key=request.session.session_key,
        devices=Device.objects.visible_to(request.user).usable(),
        message=approval.message(entered),
    )


def _execute(request, entered: AccessRequest, form: ProofForm) -> bool:
    try:
        access_requests.approve(
            entered,
            by=request.user,
            challenge=form.challenge,
            session_key=request.session.session_key,
        )
    except (NotAllowed, refusals.NotProven) as refusal:
        form.add_error(None, str(refusal))
        return False
    messages.success(request, "Executed. It is in force now.")
    return True


def _enter_about_person(request, practice: Practice, people, enter, template: str):
    form = PersonForm(people, request.POST or None)
    if form.is_valid():
        person = form.cleaned_data["person"]
        entered = _entered(request, form, enter, person, practice=practice)
        if entered:
            return redirect("access-request", entered.public_id)
    context = {"practice": practice, "has_people": people.exists()}
    return form_page(request, template, form, **context)


def _entered(request, form, enter, about, **facts) -> AccessRequest | None:
    """Enter it, or put why not on the form."""
    try:
        entered = enter(about, by=request.user, **facts)
    except NotAllowed as refusal:
        form.add_error(None, str(refusal))
        return None
    messages.success(request, "Entered. A second person executes it.")
    return entered


def _practice_or_404(request, public_id) -> Practice:
    return get_object_or_404(
        access_managers.practices_of(request.user), public_id=public_id
    )


def _provider_or_404(practice: Practice, public_id) -> Provider:
    provider = get_object_or_404(Provider, public_id=public_id)
    if not access_lists.providers_of(practice).filter(pk=provider.pk).exists():
        raise Http404
    return provider


def _request_or_404(request, public_id) -> AccessRequest:
    visible = AccessRequest.objects.visible_to(request.user)
    return get_object_or_404(visible.select_related(*SHOWN_WITH), public_id=public_id)
