from typing import cast

from django import forms
from django.db.models import QuerySet

from providers.access.access_requests import LookUp
from providers.models import (
    DeaRegistration,
    DeaSource,
    Practice,
    Provider,
    StateLicense,
    StateSource,
)


def let_choose(form: forms.Form, name: str, rows: QuerySet) -> None:
    """Offer these rows in a field."""
    cast(forms.ModelChoiceField, form.fields[name]).queryset = rows


class DayInput(forms.DateInput):
    input_type = "date"


class RegistrationField(forms.ModelChoiceField):
    def label_from_instance(self, registration) -> str:
        return f"{registration}, schedules {registration.schedules}"


class GrantForm(forms.Form):
    """What a designee saw of a practitioner's authority, typed from where they saw it.

    The dates are typed and not filled in, so that somebody really looks.
    """

    dea_registration = RegistrationField(
        DeaRegistration.objects.none(), label="DEA registration", empty_label=None
    )
    dea_source = forms.ChoiceField(
        label="Where did you look it up?",
        choices=DeaSource.choices,
        widget=forms.RadioSelect,
    )
    dea_expires_on = forms.DateField(
        label="Until when is it valid, as you saw there?", widget=DayInput
    )
    state_license = forms.ModelChoiceField(
        StateLicense.objects.none(), label="State license", empty_label=None
    )
    state_source = forms.ChoiceField(
        label="Where did you look up the license?",
        choices=StateSource.choices,
        widget=forms.RadioSelect,
    )
    license_expires_on = forms.DateField(
        label="Until when is the license valid, as you saw there?", widget=DayInput
    )
    registration_expires_on = forms.DateField(
        label="Until when is the State’s registration for controlled substances valid,"
        " as you saw there?",
        widget=DayInput,
    )
    note = forms.CharField(
        max_length=200,
        required=False,
        help_text="Such as the number of the look-up. No patient’s name.",
    )
    in_good_standing = forms.BooleanField(
        label="All of it is current and in good standing; I looked myself, today.",
        error_messages={"required": "Nobody is given the right without that."},
    )

    def __init__(self, provider: Provider, practice: Practice, data=None):
        super().__init__(data)
        state = practice.state
        registrations = provider.dea_registrations.filter(state=state)
        licenses = provider.state_licenses.filter(state=state)
        let_choose(self, "dea_registration", registrations)
        let_choose(self, "state_license", licenses)
        if not any(one.registration_number for one in licenses):
            del self.fields["registration_expires_on"]

    def look_up(self) -> LookUp:
        chosen = self.cleaned_data
        asked = chosen.keys() & LookUp.__dataclass_fields__.keys()
        return LookUp(**{name: chosen[name] for name in asked})


class ReasonForm(forms.Form):
    """Why something ends or is declined, for the record."""

    reason = forms.CharField(
        max_length=200, help_text="It is kept in the record. No patient’s name."
    )


class PersonField(forms.ModelChoiceField):
    def label_from_instance(self, user) -> str:
        full_name = user.get_full_name()
        name = user.get_username()
        return f"{full_name} ({name})" if full_name else name


class PersonForm(forms.Form):
    """Somebody of the practice."""

    person = PersonField(None, empty_label=None, widget=forms.RadioSelect)

    def __init__(self, people, data=None):
        super().__init__(data)
        let_choose(self, "person", people)


class LostDeviceForm(forms.Form):
    cause = forms.ChoiceField(
        label="What happened?",
        widget=forms.RadioSelect,
        choices=[
            ("lost", "I lost it"),
            ("stolen", "It was stolen"),
            ("compromised", "Somebody else may have used it or knows my password"),
        ],
    )
