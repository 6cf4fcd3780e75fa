"""Pages of an institution's proofing office (21 CFR 1311.130(a), (c))."""

from django import forms
from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from foundation.pages import form_page
from providers import credentialing
from providers.access.forms import ReasonForm, let_choose
from providers.institutions import roster
from providers.models import Institution, Listing, Provider
from providers.refusals import NotAllowed


class ListingForm(forms.Form):
    """What the proofing office has looked at, in person (21 CFR 1311.110(a))."""

    provider = forms.ModelChoiceField(
        Provider.objects.none(), label="Practitioner", empty_label=None
    )
    photo_id = forms.CharField(
        label="Photo identification",
        max_length=60,
        help_text="Issued by a government, and of the person in front of you: which?",
    )
    state_authority = forms.CharField(
        label="State license",
        max_length=60,
        help_text="Current and in good standing: which, and where did you look?",
    )
    privileges = forms.CharField(
        max_length=60,
        help_text="What the institution lets them do, or their own DEA number.",
    )

    def __init__(self, institution: Institution, data=None):
        super().__init__(data)
        there = Provider.objects.filter(
            user__memberships__practice__institution=institution,
            user__memberships__left_on=None,
        )
        listed = Listing.objects.current().filter(institution=institution)
        unlisted = there.exclude(pk__in=listed.values("provider")).distinct()
        let_choose(self, "provider", unlisted)


@require_safe
def overview(request, public_id):
    institution = _institution_or_404(request, public_id)
    kept = institution.listings.select_related(
        "provider", "entered_by", "first_approved_by", "second_approved_by", "ended_by"
    )
    return render(
        request,
        "providers/listings/overview.html",
        {
            "institution": institution,
            "current": kept.filter(ended_at=None),
            "ended": kept.exclude(ended_at=None),
            "officers": institution.credentialing_officers.select_related("user"),
        },
    )


def enter(request, public_id):
    institution = _institution_or_404(request, public_id)
    form = ListingForm(institution, request.POST or None)
    if form.is_valid():
        checked = dict(form.cleaned_data)
        provider = checked.pop("provider")
        try:
            roster.add(
                provider,
                institution=institution,
                by=request.user,
                check=roster.InPersonCheck(**checked),
            )
        except NotAllowed as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Entered. Two of the office approve it.")
            return redirect("listing-list", institution.public_id)
    context = {"institution": institution}
    return form_page(request, "providers/listings/enter.html", form, **context)


@require_POST
def approve(request, public_id):
    listing = _listing_or_404(request, public_id)
    try:
        roster.approve(listing, by=request.user)
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "Approved.")
    return redirect("listing-list", listing.institution.public_id)


def end(request, public_id):
    listing = _listing_or_404(request, public_id)
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        try:
            roster.remove(listing, by=request.user, **form.cleaned_data)
        except NotAllowed as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"{listing.provider} is off the list.")
            return redirect("listing-list", listing.institution.public_id)
    return form_page(request, "providers/listings/end.html", form, listing=listing)


@require_POST
def end_officer(request, public_id, pk):
    institution = _institution_or_404(request, public_id)
    officers = institution.credentialing_officers.filter(until=None)
    officer = get_object_or_404(officers, pk=pk)
    try:
        roster.remove_officer(officer, by=request.user)
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
        return redirect("home")
    messages.success(request, f"{officer.user} no longer belongs to the office.")
    if officer.user_id == request.user.pk:
        return redirect("home")
    return redirect("listing-list", institution.public_id)


def _institution_or_404(request, public_id) -> Institution:
    own = credentialing.institutions_of(request.user)
    return get_object_or_404(own, public_id=public_id)


def _listing_or_404(request, public_id) -> Listing:
    visible = Listing.objects.visible_to(request.user)
    listed = visible.select_related("institution", "provider")
    return get_object_or_404(listed, public_id=public_id)
