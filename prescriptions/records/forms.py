"""Forms for logs, exports and reports of a problem with a signature."""

from datetime import timedelta
from typing import Any

from django import forms
from django.db.models import Min
from django.http import QueryDict

from foundation.actors import User
from prescriptions.models import RepudiationKind
from providers.models import Practice, Provider

TWO_YEARS = timedelta(days=731)


class PeriodForm(forms.Form):
    """A first day and a last day."""

    def clean(self) -> dict[str, Any]:
        super().clean()
        cleaned = self.cleaned_data
        first, last = cleaned.get("first"), cleaned.get("last")
        if first and last and first > last:
            self.add_error("last", "Choose a day that is not before the first one.")
        return cleaned


class LogForm(PeriodForm):
    """The practice and the days of a log; its data are the arguments of logs.make."""

    practice = forms.ModelChoiceField(
        queryset=Practice.objects.none(), empty_label=None
    )
    first = forms.DateField(
        label="From",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    last = forms.DateField(
        label="To",
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    def __init__(self, user: User, data: QueryDict | None = None) -> None:
        super().__init__(data)
        practices = Practice.objects.visible_to(user)
        self.fields["practice"].queryset = practices
        practice = practices.first()
        if len(practices) == 1:
            self.fields["practice"].widget = forms.HiddenInput()
        if practice:
            today = practice.today()
            there = practice.memberships.filter(user=user)
            began_on = there.aggregate(first=Min("joined_on"))["first"]
            self.initial = {
                "practice": practice,
                # Who joined this evening did so tomorrow, by the clock of the server.
                "first": min(max(began_on, today - TWO_YEARS), today).isoformat(),
                "last": today.isoformat(),
            }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        practice, last = cleaned.get("practice"), cleaned.get("last")
        if practice and last and last > practice.today():
            self.add_error("last", "Choose a day that is not after today.")
        return cleaned


class RepudiationForm(forms.Form):
    """What is wrong with a signature, and how the practitioner knows."""

    kind = forms.ChoiceField(
        label="What is wrong",
        choices=RepudiationKind.choices,
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(
        label="How you know",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="For the people who look into it. Do not name the patient.",
    )


class ExportForm(PeriodForm):
    """Whose records to export, and of which days."""

    scope = forms.ChoiceField(label="Whose records", widget=forms.RadioSelect)
    first = forms.DateField(
        label="From",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Leave both empty for everything.",
    )
    last = forms.DateField(
        label="To", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(
        self,
        scopes: list[tuple[Practice, Provider | None]],
        data: QueryDict | None = None,
    ) -> None:
        super().__init__(data)
        self.scopes = {_key(*scope): scope for scope in scopes}
        self.fields["scope"].choices = [
            (key, f"Mine at {practice}" if provider else f"Everybody’s at {practice}")
            for key, (practice, provider) in self.scopes.items()
        ]
        if len(scopes) == 1:
            self.initial = {"scope": _key(*scopes[0])}

    @property
    def arguments(self) -> dict[str, Any]:
        """Return the arguments of exports.request."""
        practice, provider = self.scopes[self.cleaned_data["scope"]]
        return {
            "practice": practice,
            "provider": provider,
            "first_day": self.cleaned_data["first"],
            "last_day": self.cleaned_data["last"],
        }


def _key(practice: Practice, provider: Provider | None) -> str:
    """Name a choice for what it is, so that an old page never selects another."""
    return f"{'mine' if provider else 'all'}-{practice.public_id}"
