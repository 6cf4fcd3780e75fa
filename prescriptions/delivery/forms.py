"""Forms about a prescription that a pharmacy has: cancel it, or deny a request."""

from django import forms

from prescriptions import formats
from prescriptions.writing.forms import Uncut


class CancelForm(Uncut, forms.Form):
    reason = forms.CharField(
        label="Why it is cancelled",
        max_length=200,
        validators=[formats.validate_printable],
        help_text="Kept here on record. The pharmacy is told that it is cancelled, "
        "not why.",
    )


class DenyForm(Uncut, forms.Form):
    reason = forms.CharField(
        label="Why it is denied",
        max_length=70,  # characters of SCRIPT's DenialReason
        validators=[formats.validate_printable],
        help_text="The pharmacy reads this: 70 characters at most.",
    )
