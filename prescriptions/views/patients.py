from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from foundation.actors import AuthenticatedRequest, User
from foundation.pages import form_page
from prescriptions import dates
from prescriptions.models import OPEN, Patient, Prescription
from prescriptions.views.lookups import patient_or_404
from prescriptions.writing import drafts
from prescriptions.writing.forms import PatientForm
from providers.models import Practice

PAGE_SIZE = 50


@dataclass(frozen=True)
class PatientPage:
    patient: Patient
    prescriptions: list[Prescription]  # the latest ones
    to_sign: int  # how many wait for its reader


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: AuthenticatedRequest) -> HttpResponse:
    """List patients; a search is posted, so that no URL holds a name or birth date."""
    query = request.POST.get("q", "").strip()[:100]
    patients = Patient.objects.visible_to(request.user)
    for word in query.split():
        born = dates.parse(word)
        named = Q(first_name__icontains=word) | Q(last_name__icontains=word)
        patients = patients.filter(Q(date_of_birth=born) if born else named)
    number = 1 if query else request.GET.get("page")
    page = Paginator(patients, PAGE_SIZE).get_page(number)
    return render(
        request, "prescriptions/patients.html", {"page": page, "query": query}
    )


def create(request: AuthenticatedRequest) -> HttpResponse:
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


def edit(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    patient = patient_or_404(request, public_id)
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
def detail(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    page = _page_of(patient_or_404(request, public_id), reader=request.user)
    return render(request, "prescriptions/patient.html", {"page": page})


def _page_of(patient: Patient, *, reader: User) -> PatientPage:
    prescriptions = Prescription.objects.visible_to(reader).filter(patient=patient)
    to_sign = prescriptions.filter(prescriber__user=reader, status__in=OPEN)
    latest_first = prescriptions.order_by("-created_at")
    shown = latest_first.select_related("drug", "practice", "cancellation")
    return PatientPage(patient, list(shown[:PAGE_SIZE]), to_sign.count())
