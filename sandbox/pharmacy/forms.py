from django import forms

from sandbox.pharmacy.models import Behaviour


class ModeForm(forms.Form):
    mode = forms.ChoiceField(
        label="What the pharmacy does with the next message", choices=Behaviour.choices
    )
