from django import forms
from django.http import QueryDict

from providers.access.forms import let_choose
from providers.models import Institution, Listing, Provider


class ListingForm(forms.Form):
    """What a credentialing officer checked in person (21 CFR 1311.110(a))."""

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

    def __init__(self, institution: Institution, data: QueryDict | None = None):
        super().__init__(data)
        practitioners = Provider.objects.filter(
            user__memberships__practice__institution=institution,
            user__memberships__left_on=None,
        )
        listed = Listing.objects.current().filter(institution=institution)
        unlisted = practitioners.exclude(pk__in=listed.values("provider")).distinct()
        let_choose(self, "provider", unlisted)
