"""Forms and fields that several pages of this app share."""

from typing import cast

from django import forms
from django.db.models import QuerySet


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
