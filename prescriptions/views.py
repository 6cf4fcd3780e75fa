from datetime import timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from mfa import challenges, devices
from mfa.forms import ProofForm
from mfa.http import form_page, proof_page
from mfa.idme import freshness
from mfa.models import Device, Purpose
from prescriptions import content, drafts, rules, signer, signing, transmission
from prescriptions.forms import PatientForm, PrescriptionForm
from prescriptions.models import Patient, Prescription, Status, Transmission
from providers.models import Practice

PAGE_SIZE = 50
STOP_ASKING = 286  # htmx: the last answer to a page that asks again and again
ASK_FOR = timedelta(minutes=5)
SIGNING_REFUSALS = (
    signing.NotSignable,
    challenges.NotProven,
    devices.NotAllowed,
    signer.SignerUnavailable,
)
SHOWN = {
    "open": ("To finish", [Status.DRAFT, Status.READY]),
    "sent": ("On the way", [Status.SIGNED, Status.QUEUED, Status.TRANSMITTED]),
    "failed": ("Not delivered", [Status.FAILED]),
    "done": ("Delivered", [Status.DELIVERED]),
    "all": ("All", list(Status)),
}


@require_safe
def prescription_list(request):
    show = request.GET.get("show")
    show = show if show in SHOWN else "open"
    prescriptions = (
        Prescription.objects.visible_to(request.user)
        .filter(status__in=SHOWN[show][1])
        .select_related("patient", "drug", "prescriber", "practice")
        .order_by("-updated_at", "-pk")
    )
    return render(
        request,
        "prescriptions/list.html",
        {
            "page": Paginator(prescriptions, PAGE_SIZE).get_page(
                request.GET.get("page")
            ),
            "show": show,
            "filters": [(value, label) for value, (label, _) in SHOWN.items()],
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
def patient_list(request):
    """List patients; a search is posted, so that no address holds a name or birth date."""
    query = request.POST.get("q", "").strip()[:100]
    patients = Patient.objects.visible_to(request.user)
    for word in query.split():
        born = _date(word)
        named = Q(first_name__icontains=word) | Q(last_name__icontains=word)
        patients = patients.filter(Q(date_of_birth=born) if born else named)
    wanted = 1 if query else request.GET.get("page")
    page = Paginator(patients, PAGE_SIZE).get_page(wanted)
    return render(
        request, "prescriptions/patients.html", {"page": page, "query": query}
    )


def patient_create(request):
    practice = Practice.objects.visible_to(request.user).first()
    if practice is None:
        raise PermissionDenied("You do not work at a practice.")
    form = PatientForm(request.POST or None, instance=Patient(practice=practice))
    if form.is_valid():
        patient = drafts.save_patient(form.save(commit=False), by=request.user)
        messages.success(request, "The patient was added.")
        return redirect(patient)
    return form_page(
        request,
        "prescriptions/patient_form.html",
        form,
        heading="Add a patient",
        cancel_url=reverse("patient-list"),
    )


def patient_edit(request, public_id):
    patient = _patient_or_404(request, public_id)
    form = PatientForm(request.POST or None, instance=patient)
    if form.is_valid():
        drafts.save_patient(form.save(commit=False), by=request.user)
        messages.success(request, "The patient was saved.")
        return redirect(patient)
    return form_page(
        request,
        "prescriptions/patient_form.html",
        form,
        heading="Edit patient",
        cancel_url=patient.get_absolute_url(),
    )


@require_safe
def patient_detail(request, public_id):
    patient = _patient_or_404(request, public_id)
    prescriptions = (
        Prescription.objects.visible_to(request.user)
        .filter(patient=patient)
        .select_related("drug")
        .order_by("-created_at")
    )
    return render(
        request,
        "prescriptions/patient.html",
        {"patient": patient, "prescriptions": prescriptions[:PAGE_SIZE]},
    )


def create(request, public_id):
    patient = _patient_or_404(request, public_id)
    draft = Prescription(
        patient=patient, practice=patient.practice, prepared_by=request.user
    )
    form = PrescriptionForm(
        request.user, patient.practice, request.POST or None, instance=draft
    )
    if form.is_valid():
        prescription = drafts.create(form.save(commit=False), by=request.user)
        return redirect(prescription)
    return form_page(
        request,
        "prescriptions/form.html",
        form,
        patient=patient,
        heading="Write a prescription",
        cancel_url=patient.get_absolute_url(),
    )


def edit(request, public_id):
    prescription = _prescription_or_404(request, public_id)
    form = PrescriptionForm(
        request.user,
        prescription.practice,
        request.POST or None,
        instance=prescription,
    )
    if not prescription.is_open:
        messages.error(
            request, "This prescription can no longer be changed. Write a new one."
        )
        return redirect(prescription)
    if form.is_valid():
        try:
            drafts.alter(form.save(commit=False), by=request.user)
        except drafts.NotAllowed as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect(prescription)
    return form_page(
        request,
        "prescriptions/form.html",
        form,
        patient=prescription.patient,
        heading="Edit the prescription",
        cancel_url=prescription.get_absolute_url(),
    )


@require_safe
def detail(request, public_id):
    prescription = _prescription_or_404(request, public_id)
    problems = []
    if prescription.is_open:
        today = prescription.practice.today()
        problems = rules.blockers_to_ready(prescription, on=today)
    return render(
        request,
        "prescriptions/detail.html",
        _facts(request, prescription) | {"problems": problems},
    )


@require_safe
def status(request, public_id):
    """Give the status line alone, for the page that refreshes itself."""
    prescription = _prescription_or_404(request, public_id)
    signed_at = prescription.signed_at
    is_new = signed_at is not None and timezone.now() - signed_at < ASK_FOR
    is_watched = prescription.is_on_its_way and is_new
    return render(
        request,
        "prescriptions/_status.html",
        {"prescription": prescription},
        status=200 if is_watched else STOP_ASKING,
    )


@require_POST
def ready(request, public_id):
    prescription = _prescription_or_404(request, public_id)
    if request.POST.get("shown_digest") != content.digest(prescription):
        messages.error(request, signing.CHANGED)
        return redirect("prescription-sign", public_id)
    try:
        signing.mark_ready(prescription, by=request.user)
    except signing.NotSignable as refusal:
        messages.error(request, f"Not marked ready. {refusal}")
    return redirect("prescription-sign", public_id)


@require_POST
def unready(request, public_id):
    prescription = _prescription_or_404(request, public_id)
    try:
        signing.unready(prescription, by=request.user)
    except signing.NotSignable as refusal:
        messages.error(request, str(refusal))
    return redirect("prescription-sign", public_id)


@never_cache
@sensitive_post_parameters("password", "code")
def sign(request, public_id):
    """Review, legal statement and two factors on one page (21 CFR 1311.140(a))."""
    prescription = _prescription_or_404(request, public_id)
    if prescription.prescriber.user_id != request.user.pk:
        if request.method == "POST":
            signing.put_refusal_on_record(prescription, by=request.user)
        raise PermissionDenied("Only the practitioner named on it can sign this.")
    if not prescription.is_open:
        status = prescription.get_status_display()
        messages.info(request, f"There is nothing left to sign here: {status}.")
        return redirect(prescription)
    freshness.ask_if_old(request.user)
    blockers = signing.blockers(prescription, by=request.user)
    shown = content.payload_digest([prescription])
    form = ProofForm(
        request.user,
        _data_to_sign(request, prescription, shown, blockers),
        purpose=Purpose.SIGN,
        payload_digest=shown,
        session_key=request.session.session_key,
        devices=Device.objects.visible_to(request.user).usable(),
        message=content.push_message([prescription]),
    )
    if form.is_valid():
        try:
            signing.sign(
                [prescription],
                by=request.user,
                challenge=form.challenge,
                session_key=request.session.session_key,
            )
        except SIGNING_REFUSALS as refusal:
            form.add_error(None, f"{refusal} Use a new code or push to try again.")
        else:
            messages.success(request, "Signed. It is on its way to the pharmacy.")
            return redirect(prescription)
    return proof_page(
        request,
        "prescriptions/sign.html",
        form,
        refused=request.method == "POST",
        **_facts(request, prescription),
        blockers=blockers,
        shown_digest=shown,
    )


@require_POST
def discard(request, public_id):
    prescription = _prescription_or_404(request, public_id)
    try:
        drafts.discard(prescription, by=request.user)
    except drafts.NotAllowed as refusal:
        messages.error(request, str(refusal))
        return redirect(prescription)
    messages.success(request, "The prescription was discarded. Nothing was sent.")
    return redirect("prescription-list")


@require_POST
def copy(request, public_id):
    """Write a prescription that was not delivered again, as a new draft."""
    prescription = _prescription_or_404(request, public_id)
    try:
        draft = drafts.copy(prescription, by=request.user)
    except drafts.NotAllowed as refusal:
        messages.error(request, str(refusal))
        return redirect(prescription)
    return redirect("prescription-edit", draft.public_id)


@require_POST
def send_now(request, public_id):
    prescription = _prescription_or_404(request, public_id)
    message = get_object_or_404(Transmission, prescription=prescription)
    try:
        transmission.retry_now(message, by=request.user)
    except transmission.NotAllowed as refusal:
        messages.error(request, str(refusal))
    else:
        messages.info(request, "Trying to send it now.")
    return redirect(prescription)


@login_not_required
@require_safe
def jwks(request):
    """Publish the keys with which anybody can verify a signed prescription."""
    return JsonResponse(signer.public_jwks())


def _data_to_sign(request, prescription, shown: str, blockers) -> dict | None:
    """Return what was posted, unless a code or a push would be wasted on it."""
    if request.method != "POST":
        return None
    has_changed = request.POST.get("shown_digest") != shown
    if has_changed:
        messages.error(request, signing.CHANGED)
    if blockers or has_changed or prescription.status != Status.READY:
        signing.put_refusal_on_record(prescription, by=request.user)
        return None
    return request.POST


def _facts(request, prescription: Prescription) -> dict:
    return {
        "prescription": prescription,
        "is_prescriber": prescription.prescriber.user_id == request.user.pk,
        "issue_date": prescription.issued_on or prescription.practice.today(),
        "record": getattr(prescription, "signed_record", None),
        "can_retry": _was_tried_in_vain(prescription),
    }


def _was_tried_in_vain(prescription: Prescription) -> bool:
    is_queued = prescription.status == Status.QUEUED
    return is_queued and prescription.transmission.attempts > 0


def _prescription_or_404(request, public_id) -> Prescription:
    return get_object_or_404(
        Prescription.objects.visible_to(request.user).select_related(
            "patient", "drug", "prescriber", "practice", "pharmacy", "dea_registration"
        ),
        public_id=public_id,
    )


def _patient_or_404(request, public_id) -> Patient:
    return get_object_or_404(
        Patient.objects.visible_to(request.user), public_id=public_id
    )


def _date(word: str):
    try:
        return parse_date(word)
    except ValueError:
        return None
