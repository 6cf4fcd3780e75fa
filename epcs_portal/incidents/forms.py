from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict

from audit.models import Incident, Step
from audit.models.incidents import DECISIONS

QUESTIONS = {
    Step.DISMISSED: "No security incident: prescription records were never at risk",
    Step.CONFIRMED: "A security incident: it compromised prescription records, or "
    "could have",
    Step.TOLD_PROVIDER: "I have reported it to the application provider",
    Step.TOLD_DEA: "I have reported it to DEA",
}
WORDS = forms.CharField(
    max_length=2000,
    widget=forms.Textarea(attrs={"rows": 3}),
    label="In your words",
    help_text="Why you decide so; or whom you told, how, and under which reference. "
    "Do not name patients. This is kept and cannot be changed.",
)


class StepForm(forms.Form):
    """The next step for one incident."""

    step = forms.ChoiceField(
        label="What do you put on record?", widget=forms.RadioSelect
    )
    words = WORDS
    seen = forms.IntegerField(min_value=0, widget=forms.HiddenInput)

    def __init__(
        self, steps: list[Step], data: QueryDict | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data, **kwargs)
        self.fields["step"].choices = [(step.value, QUESTIONS[step]) for step in steps]


class SeveralForm(forms.Form):
    """One decision about several undecided incidents."""

    incidents = forms.ModelMultipleChoiceField(
        Incident.objects.none(),
        to_field_name="public_id",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Tick the incidents that you decide about."},
    )
    step = forms.ChoiceField(
        label="What do you decide about those ticked?",
        choices=[(step.value, QUESTIONS[step]) for step in DECISIONS],
        widget=forms.RadioSelect,
    )
    words = WORDS

    def __init__(
        self, undecided: QuerySet[Incident], data: QueryDict | None = None
    ) -> None:
        super().__init__(data)
        self.fields["incidents"].queryset = undecided
