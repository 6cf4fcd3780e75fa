from django import forms

from mfa.forms import CodeInput, NicknameForm
from mfa.phones.messages import DIGITS


class PairedPhoneForm(NicknameForm):
    """The number on the phone that scanned the code, and its nickname."""

    number = forms.CharField(
        label="Number on the phone",
        help_text=f"The {DIGITS} digits that the phone shows now.",
        max_length=16,
        widget=CodeInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )
    field_order = ["number", "nickname"]

    def clean_number(self) -> str:
        return self.cleaned_data["number"].replace(" ", "")
