"""Review, legal statement and two factors on one page (21 CFR 1311.140(a))."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from foundation.actors import AuthenticatedRequest, User
from foundation.blockers import Blocker
from foundation.pages import local_path
from mfa import devices, refusals
from mfa.forms import ProofForm, proof_page
from mfa.idme import freshness
from mfa.models import Device, Purpose
from prescriptions import content, signer
from prescriptions.models import OPEN, Patient, Prescription, SignedRecord, Status
from prescriptions.rules import Place
from prescriptions.signing import ceremony, review
from prescriptions.views.lookups import patient_or_404, prescription_or_404
from prescriptions.writing import rule_context

REFUSALS = (
    ceremony.NotSignable,
    refusals.NotProven,
    devices.DeviceChangeRefused,
    signer.SignerUnavailable,
)


@dataclass(frozen=True)
class Review:
    """One prescription as the page shows it, with what stands against signing it."""

    prescription: Prescription
    blockers: list[Blocker]
    shown_digest: str
    issue_date: date
    place: Place | None  # in a series of Schedule II

    @property
    def is_to_be_signed(self) -> bool:
        return self.prescription.status == Status.READY and not self.blockers


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
    if prescription.prescriber.user_id != request.user.pk:
        if request.method == "POST":
            ceremony.record_refusal(prescription, by=request.user)
        raise PermissionDenied("Only the practitioner named on it can sign this.")
    if not prescription.is_open:
        status = prescription.get_status_display()
        messages.info(request, f"There is nothing left to sign here: {status}.")
        return redirect(prescription)
    return _ceremony(request, prescription.patient, [prescription])


@never_cache
@sensitive_post_parameters("password", "code")
def sign_for_patient(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    """Show all that waits for this practitioner's signature; nobody marks all at once."""
    patient = patient_or_404(request, public_id)
    waiting = _waiting(patient, prescriber=request.user)
    if not waiting:
        messages.info(request, f"Nothing of {patient} waits for your signature.")
        return redirect(patient)
    return _ceremony(request, patient, waiting)


@require_safe
def signed(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    """Tell of each prescription what became of it, signed with the others or not."""
    records = SignedRecord.objects.visible_to(request.user).filter(
        challenge__public_id=public_id
    )
    prescriptions = [record.prescription for record in records]
    if not prescriptions:
        raise Http404
    patient, signer_of_it = prescriptions[0].patient, records[0].signer
    return render(
        request,
        "prescriptions/signed.html",
        {
            "patient": patient,
            "prescriptions": prescriptions,
            "unsigned": _waiting(patient, prescriber=signer_of_it),
            "is_on_its_way": any(one.is_on_its_way for one in prescriptions),
        },
    )


def _ceremony(
    request: AuthenticatedRequest, patient: Patient, prescriptions: list[Prescription]
) -> HttpResponse:
    freshness.request_refresh_if_old(request.user)
    reviews = _reviews(prescriptions, by=request.user)
    to_sign = [one for one in reviews if one.is_to_be_signed]
    chosen = [one.prescription for one in to_sign]
    blockers = review.blockers_together(chosen) if len(chosen) > 1 else []
    shown = ""
    if chosen and not blockers:
        shown = content.digest_over(one.shown_digest for one in to_sign)
    form = _proof(request, chosen, shown) if shown else None
    if not form and request.method == "POST":
        _refuse(request, prescriptions)
    if form and form.is_valid():
        try:
            records = ceremony.sign(
                chosen,
                by=request.user,
                challenge=form.challenge,
                session_key=request.session.session_key,
            )
        except REFUSALS as refusal:
            form.add_error(None, f"{refusal} Use a new code or push to try again.")
        else:
            return _done(request, records)
    return proof_page(
        request,
        "prescriptions/sign.html",
        form,
        refused=request.method == "POST",
        patient=patient,
        reviews=reviews,
        may_sign=any(not one.blockers for one in reviews),
        to_sign=len(chosen),
        blockers=blockers,
        shown_digest=shown,
    )


def _proof(
    request: AuthenticatedRequest, chosen: list[Prescription], shown: str
) -> ProofForm:
    """Ask for both factors; what was posted for other content is not even looked at."""
    posted = request.POST if request.method == "POST" else None
    if posted and posted.get("shown_digest") != shown:
        messages.error(request, ceremony.CHANGED)
        _refuse(request, chosen)
        posted = None
    return ProofForm(
        request.user,
        posted,
        purpose=Purpose.SIGN,
        payload_digest=shown,
        session_key=request.session.session_key,
        devices=Device.objects.visible_to(request.user).usable(),
        message=content.push_message(chosen),
    )


def _reviews(prescriptions: list[Prescription], *, by: User) -> list[Review]:
    found = review.blockers_by_pk(prescriptions, by=by)
    places = rule_context.series_places(prescriptions)
    return [
        Review(
            one,
            found[one.pk],
            content.digest(one),
            one.issue_date,
            places.get(one.pk),
        )
        for one in prescriptions
    ]


def _waiting(patient: Patient, *, prescriber: User) -> list[Prescription]:
    return list(
        Prescription.objects.visible_to(prescriber)
        .filter(patient=patient, prescriber__user=prescriber, status__in=OPEN)
        .select_related(*Prescription.SHOWN_WITH)
        .order_by("pk")
    )


def _refuse(request: AuthenticatedRequest, prescriptions: list[Prescription]) -> None:
    """Put on record what the page turned away before a code or a push was wasted on it."""
    for prescription in prescriptions:
        ceremony.record_refusal(prescription, by=request.user)


def _done(request: AuthenticatedRequest, records: list[SignedRecord]) -> HttpResponse:
    if len(records) > 1:
        return redirect("prescription-signed", records[0].challenge.public_id)
    messages.success(request, "Signed. It is on its way to the pharmacy.")
    return redirect(records[0].prescription)


def _back(request: AuthenticatedRequest, prescription: Prescription) -> HttpResponse:
    """Return to the page on which it was marked: with others, or by itself."""
    wanted = local_path(request.POST.get("next", ""))
    return (
        redirect(wanted)
        if wanted
        else redirect("prescription-sign", prescription.public_id)
    )
