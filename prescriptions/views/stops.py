"""Stop signing and resume it."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.debug import sensitive_post_parameters

from foundation.actors import AuthenticatedRequest
from foundation.pages import form_page
from foundation.refusals import Refused
from mfa.forms import ProofForm, passes, proof_form, proof_page
from mfa.models import Device, Purpose
from prescriptions.models import SigningStop
from prescriptions.safeguards import stops
from prescriptions.safeguards.forms import RemedyForm, StopForm
from prescriptions.views.system import require_responsible


def stop(request: AuthenticatedRequest) -> HttpResponse:
    require_responsible(request.user)
    form = StopForm(stops.practices_of(request.user), request.POST or None)
    if form.is_valid():
        try:
            stops.stop(by=request.user, **form.cleaned_data)
        except stops.StopRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Signing has stopped.")
            return redirect("system-status")
    return form_page(request, "prescriptions/system/stop.html", form)


def detail(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    """Show a stop, and take the remedy from the first of two people."""
    require_responsible(request.user)
    stop = get_object_or_404(stops.visible_to(request.user), public_id=public_id)
    is_open = stop.restored_at is None and stop.entered_by in (None, request.user)
    form = RemedyForm(request.POST or None, stop=stop) if is_open else None
    if form and form.is_valid() and _request_restoration(request, stop, form):
        messages.success(
            request, "Entered. A second person lets signing go on from here."
        )
        return redirect("signing-stop", public_id)
    return form_page(
        request,
        "prescriptions/system/stop_detail.html",
        form,
        refused=request.method == "POST",
        stop=stop,
        objection=stops.restoration_blocker(stop, by=request.user),
    )


def _request_restoration(
    request: AuthenticatedRequest, stop: SigningStop, form: RemedyForm
) -> bool:
    """Return True if the remedy was entered, or else put the refusal into the form."""
    remedy = form.cleaned_data["remedy"]
    try:
        stops.request_restoration(stop, by=request.user, remedy=remedy)
    except stops.StopRefused as refusal:
        form.add_error(None, str(refusal))
        return False
    return True


@sensitive_post_parameters("password", "code")
def restore(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    """Resume signing, as the second of two people, with both factors."""
    require_responsible(request.user)
    stop = get_object_or_404(stops.visible_to(request.user), public_id=public_id)
    objection = stops.restoration_blocker(stop, by=request.user)
    form = None if objection else _proof_form(request, stop)
    if form and passes(form) and _restore(request, stop, form):
        messages.success(request, "Signing goes on.")
        return redirect("system-status")
    return proof_page(
        request,
        "prescriptions/system/restore.html",
        form,
        refused=bool(objection) and request.method == "POST",
        stop=stop,
        objection=objection,
    )


def _restore(request: AuthenticatedRequest, stop: SigningStop, form: ProofForm) -> bool:
    """Return True if signing resumed, or else put the refusal into the form."""
    try:
        stops.restore(
            stop,
            by=request.user,
            challenge=form.challenge,
            session_key=request.session.session_key,
        )
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return False
    return True


def _proof_form(request: AuthenticatedRequest, stop: SigningStop) -> ProofForm:
    return proof_form(
        request,
        purpose=Purpose.RESTORE_SIGNING,
        digest=stops.restoration_digest(stop),
        devices=Device.objects.visible_to(request.user).usable(),
        message="Let signing go on",
    )
