from django import forms
from django.db.models import QuerySet
from django.http import QueryDict

from prescriptions.models import Capability, SigningStop, ThirdPartyAudit
from prescriptions.safeguards.releases import is_version
from providers.models import Practice

NOT_A_VERSION = "Write the version as numbers, such as 1.2.3."


class WhereField(forms.ModelChoiceField):
    """A practice, or empty for every practice; so it is not marked as optional."""

    is_conditional = True


class StopForm(forms.Form):
    reason = forms.CharField(
        max_length=200,
        label="Why",
        help_text="Everybody who is kept from signing reads this.",
    )
    fixed_in = forms.CharField(
        max_length=40,
        required=False,
        label="Version required before use",
        help_text="If a newer version of the portal has to be installed first.",
    )

    def __init__(
        self, practices: QuerySet[Practice], data: QueryDict | None = None
    ) -> None:
        super().__init__(data)
        self.fields["practice"] = WhereField(
            practices,
            to_field_name="public_id",
            required=False,
            empty_label="Every practice",
            label="Where",
        )
        self.order_fields(["practice"])

    def clean_fixed_in(self) -> str:
        version = self.cleaned_data["fixed_in"].strip()
        if version and not is_version(version):
            raise forms.ValidationError(NOT_A_VERSION)
        return version


class RemedyForm(forms.Form):
    remedy = forms.CharField(
        max_length=200,
        label="What was mended",
        help_text="The second person reads this before signing goes on.",
    )

    def __init__(self, data: QueryDict | None = None, *, stop: SigningStop) -> None:
        super().__init__(data, initial={"remedy": stop.remedy})


class ReportForm(forms.ModelForm):
    """The report of a third-party audit, as it was given to this site."""

    capabilities = forms.MultipleChoiceField(
        choices=Capability.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="What the report finds recorded, stored and transmitted",
        help_text="Prescriptions of a kind that is not found are not signed for a "
        "live network.",
    )
    report_digest = forms.RegexField(
        r"\A[0-9a-f]{64}\Z",
        label="SHA-256 of the report",
        help_text="64 characters, from the command sha256sum.",
        error_messages={"invalid": "A SHA-256 has 64 characters, 0 to 9 and a to f."},
    )

    class Meta:
        model = ThirdPartyAudit
        fields = [
            "auditor",
            "qualification",
            "reported_on",
            "software_version",
            "finding",
            "capabilities",
            "report_digest",
            "report_location",
        ]
        labels = {
            "auditor": "Auditor or certification organization",
            "qualification": "Qualified as",
            "reported_on": "Date of the report",
            "software_version": "Version that was audited",
            "finding": "What the report finds",
            "report_location": "Where users read the report",
        }
        widgets = {
            "reported_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        }
        help_texts = {"report_location": "An address, or whom to ask for it."}

    def clean_software_version(self) -> str:
        version = self.cleaned_data["software_version"]
        if not is_version(version):
            raise forms.ValidationError(NOT_A_VERSION)
        return version
