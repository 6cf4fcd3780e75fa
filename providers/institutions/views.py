"""Pages of an institution's credentialing office (21 CFR 1311.130(a), (c))."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from foundation.actors import AuthenticatedRequest
from foundation.pages import form_page
from providers import credentialing
from providers.access.forms import ReasonForm
from providers.institutions import roster
from providers.institutions.forms import ListingForm
from providers.models import Institution, Listing
from providers.permissions import AccessRefused


@require_safe
def overview(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    institution = _institution_or_404(request, public_id)
    listings = institution.listings.select_related(
        "provider", "entered_by", "first_approved_by", "second_approved_by", "ended_by"
    )
    context = {
        "institution": institution,
        "current": listings.filter(ended_at=None),
        "ended": listings.exclude(ended_at=None),
        "officers": institution.credentialing_officers.select_related("user"),
    }
    return render(request, "providers/listings/overview.html", context)


def add(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    institution = _institution_or_404(request, public_id)
    form = ListingForm(institution, request.POST or None)
    if form.is_valid() and _add(request, institution, form):
        messages.success(request, "Entered. Two of the office approve it.")
        return redirect("listing-list", institution.public_id)
    context: dict[str, Any] = {"institution": institution}
    return form_page(request, "providers/listings/enter.html", form, **context)


@require_POST
def approve(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    listing = _listing_or_404(request, public_id)
    try:
        roster.approve(listing, by=request.user)
    except AccessRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "Approved.")
    return redirect("listing-list", listing.institution.public_id)


def remove(request: AuthenticatedRequest, public_id: UUID) -> HttpResponse:
    listing = _listing_or_404(request, public_id)
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        try:
            roster.remove(listing, by=request.user, **form.cleaned_data)
        except AccessRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"{listing.provider} is off the list.")
            return redirect("listing-list", listing.institution.public_id)
    return form_page(request, "providers/listings/end.html", form, listing=listing)


@require_POST
def remove_officer(
    request: AuthenticatedRequest, public_id: UUID, pk: int
) -> HttpResponse:
    institution = _institution_or_404(request, public_id)
    officers = institution.credentialing_officers.current()
    officer = get_object_or_404(officers, pk=pk)
    try:
        roster.remove_officer(officer, by=request.user)
    except AccessRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("home")
    messages.success(request, f"{officer.user} no longer belongs to the office.")
    if officer.user_id == request.user.pk:
        return redirect("home")
    return redirect("listing-list", institution.public_id)


def _add(
    request: AuthenticatedRequest, institution: Institution, form: ListingForm
) -> bool:
    check = dict(form.cleaned_data)
    provider = check.pop("provider")
    try:
        roster.add(
            provider,
            institution=institution,
            by=request.user,
            check=roster.InPersonCheck(**check),
        )
    except AccessRefused as refusal:
        form.add_error(None, str(refusal))
        return False
    return True


def _institution_or_404(request: AuthenticatedRequest, public_id: UUID) -> Institution:
    institutions = credentialing.institutions_of(request.user)
    return get_object_or_404(institutions, public_id=public_id)


def _listing_or_404(request: AuthenticatedRequest, public_id: UUID) -> Listing:
    visible = Listing.objects.visible_to(request.user)
    listings = visible.select_related("institution", "provider")
    return get_object_or_404(listings, public_id=public_id)
