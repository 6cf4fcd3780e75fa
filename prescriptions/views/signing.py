"""Review, legal statement and two factors on one page (21 CFR 1311.140(a))."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from foundation.actors import AuthenticatedRequest, User
from foundation.pages import local_path
from foundation.refusals import NotPermitted, Refused
from mfa.forms import ProofForm, ask, intent_of, passes, proof_page
from mfa.idme import freshness
from mfa.models import Device, Purpose
from prescriptions import content, permissions
from prescriptions.models import OPEN, Patient, Prescription, SignedRecord
from prescriptions.permissions import Permission
from prescriptions.signing import ceremony, review, snapshot
from prescriptions.views.lookups import patient_or_404, prescription_or_404


@require_POST
def ready(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    prescription = prescription_or_404(request, public_id)
    if request.POST.get("shown_digest") != content.digest(prescription):
        messages.error(request, ceremony.CHANGED)
        return _back(request, prescription)
    try:
        ceremony.mark_ready(prescription, by=request.user)
    except ceremony.NotSignable as refusal:
        messages.error(request, f"Not marked ready. {refusal}")
    return _back(request, prescription)


@require_POST
def unready(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    prescription = prescription_or_404(request, public_id)
    try:
        ceremony.unready(prescription, by=request.user)
    except ceremony.NotSignable as refusal:
        messages.error(request, str(refusal))
    return _back(request, prescription)


@never_cache
@sensitive_post_parameters("password", "code")
def sign(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    prescription = prescription_or_404(request, public_id)
    if not permissions.may(request.user, Permission.SIGN, of=prescription):
        if request.method == "POST":
            ceremony.record_refusal(prescription, [review.NOT_YOURS], by=request.user)
        raise NotPermitted("Only the practitioner named on it can sign this.")
    if not prescription.is_open:
        status = prescription.get_status_display()
        messages.info(request, f"There is nothing left to sign here: {status}.")
        return redirect(prescription)
    return _ceremony(request, prescription.patient, [prescription])


@never_cache
@sensitive_post_parameters("password", "code")
def sign_for_patient(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    """Show all that this practitioner has yet to sign; each is marked by itself."""
    patient = patient_or_404(request, public_id)
    unsigned = _unsigned(patient, prescriber=request.user)
    if not unsigned:
        messages.info(request, f"Nothing of {patient} waits for your signature.")
        return redirect(patient)
    return _ceremony(request, patient, unsigned)


@require_safe
def signed(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    """Show the status of each prescription that one challenge signed."""
    visible = SignedRecord.objects.visible_to(request.user)
    records = visible.filter(challenge__public_id=public_id)
    prescriptions = [record.prescription for record in records]
    if not prescriptions:
        raise Http404
    patient = prescriptions[0].patient
    return render(
        request,
        "prescriptions/signed.html",
        {
            "patient": patient,
            "prescriptions": prescriptions,
            "unsigned": _unsigned(patient, prescriber=records[0].signer),
            "is_on_its_way": any(signed.is_on_its_way for signed in prescriptions),
        },
    )


def _ceremony(
    request: AuthenticatedRequest, patient: Patient, prescriptions: list[Prescription]
) -> HttpResponse:
    """Show the review, the statement and the prompt; sign once both factors pass."""
    world = snapshot.take(prescriptions, by=request.user)
    freshness.request_refresh_if_old(world.standing(prescriptions[0]).account)
    reviews = review.prepare(prescriptions, world, by=request.user)
    batch = review.batch(reviews, world)
    form = _proof_form(request, batch) if batch.shown_digest else None
    if not form and request.method == "POST":
        _record_refusals(request, reviews)
    if form and passes(form) and (records := _sign(request, batch, form)):
        return _after_signing(request, records)
    return proof_page(
        request,
        "prescriptions/sign.html",
        form,
        refused=request.method == "POST",
        patient=patient,
        reviews=reviews,
        may_sign=any(not shown.blockers for shown in reviews),
        to_sign=len(batch.prescriptions),
        blockers=batch.blockers,
        shown_digest=batch.shown_digest,
    )


def _proof_form(request: AuthenticatedRequest, batch: review.Batch) -> ProofForm:
    """Ask for both factors; a post about other content is refused unread."""
    posted = request.POST if request.method == "POST" else None
    if posted and posted.get("shown_digest") != batch.shown_digest:
        messages.error(request, ceremony.CHANGED)
        _record_refusals(request, batch.reviews)
        posted = None
    return ask(
        intent_of(request, purpose=Purpose.SIGN, digest=batch.shown_digest),
        posted,
        devices=Device.objects.visible_to(request.user).usable(),
        message=content.push_message(batch.prescriptions),
    )


def _sign(
    request: AuthenticatedRequest, batch: review.Batch, form: ProofForm
) -> list[SignedRecord]:
    """Return the signed records; none if refused, with the reason in the form."""
    try:
        return ceremony.sign(
            batch.prescriptions,
            by=request.user,
            challenge=form.challenge,
            session_key=request.session.session_key,
        )
    except Refused as refusal:
        form.add_error(None, f"{refusal} Use a new code or push to try again.")
        return []


def _unsigned(patient: Patient, *, prescriber: User) -> list[Prescription]:
    """Return the patient's prescriptions that this practitioner has yet to sign."""
    return list(
        Prescription.objects.visible_to(prescriber)
        .filter(patient=patient, prescriber__user=prescriber, status__in=OPEN)
        .select_related(*Prescription.SHOWN_WITH)
        .order_by("pk")
    )


def _record_refusals(
    request: AuthenticatedRequest, reviews: list[review.Review]
) -> None:
    """Record what the page refused before a code or a push was spent on it."""
    for one in reviews:
        ceremony.record_refusal(one.prescription, one.blockers, by=request.user)


def _after_signing(
    request: AuthenticatedRequest, records: list[SignedRecord]
) -> HttpResponse:
    if len(records) > 1:
        return redirect("prescription-signed", records[0].challenge.public_id)
    messages.success(request, "Signed. It is on its way to the pharmacy.")
    return redirect(records[0].prescription)


def _back(request: AuthenticatedRequest, prescription: Prescription) -> HttpResponse:
    """Return to the page on which it was marked: with others, or by itself."""
    path = local_path(request.POST.get("next", ""))
    if path:
        return redirect(path)
    return redirect("prescription-sign", prescription.public_id)
