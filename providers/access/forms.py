from typing import cast

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict

from foundation.actors import User
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
    """Offer these rows in a field of the form."""
    cast(forms.ModelChoiceField, form.fields[name]).queryset = rows


class ReasonForm(forms.Form):
    """Why access ends or a request is declined, for the record."""

    reason = forms.CharField(
        max_length=200, help_text="It is kept in the record. No patient’s name."
    )


class LostDeviceForm(forms.Form):
    """What happened to a device, in the words of its owner."""

    cause = forms.ChoiceField(
        label="What happened?",
        widget=forms.RadioSelect,
        choices=[
            ("lost", "I lost it"),
            ("stolen", "It was stolen"),
            ("compromised", "Somebody else may have used it or knows my password"),
        ],
    )


class DayInput(forms.DateInput):
    input_type = "date"


class RegistrationField(forms.ModelChoiceField):
    def label_from_instance(self, registration: DeaRegistration) -> str:
        return f"{registration}, schedules {registration.schedules}"


class GrantForm(forms.Form):
    """What an access manager looked up of a practitioner's authority.

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

    def __init__(
        self, provider: Provider, practice: Practice, data: QueryDict | None = None
    ):
        super().__init__(data)
        state = practice.state
        registrations = provider.dea_registrations.filter(state=state)
        licenses = provider.state_licenses.filter(state=state)
        let_choose(self, "dea_registration", registrations)
        let_choose(self, "state_license", licenses)
        if not any(row.registration_number for row in licenses):
            del self.fields["registration_expires_on"]

    def look_up(self) -> LookUp:
        """Return the fields of a valid form."""
        fields = self.cleaned_data.keys() & LookUp.__dataclass_fields__.keys()
        return LookUp(**{name: self.cleaned_data[name] for name in fields})


class PersonField(forms.ModelChoiceField):
    def label_from_instance(self, user: User) -> str:
        full_name, username = user.get_full_name(), user.get_username()
        return f"{full_name} ({username})" if full_name else username


class PersonForm(forms.Form):
    """The choice of a person of the practice."""

    person = PersonField(None, empty_label=None, widget=forms.RadioSelect)

    def __init__(self, people: QuerySet[User], data: QueryDict | None = None):
        super().__init__(data)
        let_choose(self, "person", people)
