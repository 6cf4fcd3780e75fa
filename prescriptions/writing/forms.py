from collections import Counter

from django import forms
from django.core.validators import MaxValueValidator

from prescriptions import formats
from prescriptions.drugs.field import DrugField
from prescriptions.models import Drug, Patient, Pharmacy, Prescription, plain
from providers.models import DeaRegistration, Provider, Role

OLDEST = 130  # years
DATE = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class PharmacyChoiceField(forms.ModelChoiceField):
    def label_from_instance(self, pharmacy: Pharmacy) -> str:
        label = f"{pharmacy.name}, {pharmacy.city} {pharmacy.state}"
        if pharmacy.accepts_epcs:
            return label
        return f"{label} (does not accept controlled substances electronically)"


class RegistrationChoiceField(forms.ModelChoiceField):
    def label_from_instance(self, registration: DeaRegistration) -> str:
        number, state = registration.as_written, registration.state
        return f"{number}, {state}, {registration.provider}"


class Uncut:
    """A browser cuts what is pasted at `maxlength` without a word; the server says it."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.pop("maxlength", None)


class PrescriptionForm(Uncut, forms.ModelForm):
    """What an agent or the practitioner writes down (21 CFR 1311.135(a))."""

    template_name = "prescriptions/_fields.html"
    RARE = ["partial_fill_quantity", "emergency_oral_on", "supervisor"]

    drug = DrugField(Drug.objects.none())
    pharmacy = PharmacyChoiceField(Pharmacy.objects.none())
    dea_registration = RegistrationChoiceField(
        DeaRegistration.objects.none(), required=False, label="DEA registration"
    )

    shown_version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Prescription
        fields = Prescription.CONTENT
        widgets = {
            "directions": forms.Textarea(attrs={"rows": 3}),
            "note": forms.Textarea(attrs={"rows": 2}),
            "earliest_fill_on": DATE,
            "emergency_oral_on": DATE,
        }
        help_texts = {
            "supervisor": "Only where the State wants a supervisor named.",
            "partial_fill_quantity": "Only for Schedule II, if it is to be filled in "
            "parts: how much each time. All of it within 30 days.",
            "emergency_oral_on": "Only for Schedule II, if this follows an emergency "
            "order by phone within the last seven days.",
            "quantity": "In the unit of the drug: tablets, capsules, milliliters.",
            "refills": "0 for Schedule II; at most 5 within six months for III and IV.",
            "note": "For gamma-hydroxybutyric acid, the medical need.",
            "days_supply": "Needed in a series of Schedule II, and in some States.",
            "earliest_fill_on": "Only if it is to be filled later. In a series of "
            "Schedule II, of up to 90 days in all, each but the first has one.",
        }

    def __init__(self, user, practice, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["shown_version"].initial = self.instance.version
        self.fields["days_supply"].validators.append(
            MaxValueValidator(formats.MOST_DAYS_SUPPLY)
        )
        if self.instance.quantity is not None:
            self.initial["quantity"] = plain(self.instance.quantity)
        if self.instance.partial_fill_quantity is not None:
            part = plain(self.instance.partial_fill_quantity)
            self.initial["partial_fill_quantity"] = part
        prescribers = Provider.objects.filter(
            user__memberships__practice=practice,
            user__memberships__role=Role.PROVIDER,
            user__memberships__left_on=None,
        )
        self.fields["supervisor"].queryset = prescribers.exclude(user=user)
        if own := prescribers.filter(user=user).first():
            named = self.instance.prescriber_id or own.pk
            prescribers = prescribers.filter(pk__in=[own.pk, named])
            self.initial["prescriber"] = named
        self.fields["prescriber"].queryset = prescribers
        self._offer_registrations(prescribers, practice)
        self.fields["drug"].offer(
            also=self.instance.drug_id, query=self.data.get("q", "")
        )
        self.fields["pharmacy"].queryset = Pharmacy.objects.all()

    @property
    def is_finding(self) -> bool:
        """Say whether this was sent to look for a drug; nothing else is judged yet."""
        return "find" in self.data

    def is_valid(self):
        return not self.is_finding and super().is_valid()

    def full_clean(self):
        super().full_clean()
        if self.is_finding:
            self.errors.clear()

    def has_rare(self) -> bool:
        """Say whether something is filled in, or wrong, among what is rarely needed."""
        return any(self[name].value() or self.has_error(name) for name in self.RARE)

    def _offer_registrations(self, prescribers, practice) -> None:
        """Offer those of this State; 21 CFR 1311.120(b)(7): of several, assume none."""
        registrations = DeaRegistration.objects.filter(
            provider__in=prescribers
        ).select_related("provider", "institution")
        on = practice.today()
        current = [one for one in registrations if one.is_current(on=on)]
        offered = [one for one in current if one.state == practice.state]
        self.has_several = {
            provider
            for provider, count in Counter(one.provider_id for one in current).items()
            if count > 1
        }
        field = self.fields["dea_registration"]
        field.queryset = registrations.filter(pk__in=[one.pk for one in offered])
        field.is_conditional = True  # taken by itself if there is just one
        if len(current) == len(offered) == 1:
            self.initial["dea_registration"] = offered[0]

    def clean(self):
        data = super().clean()
        if self.instance.pk and data.get("shown_version") != self.instance.version:
            raise forms.ValidationError(
                "Somebody else changed this prescription meanwhile. Open it again."
            )
        registration, prescriber = (
            data.get("dea_registration"),
            data.get("prescriber"),
        )
        if prescriber and (problem := self._problem_with(registration, prescriber)):
            self.add_error("dea_registration", problem)
        return data

    def _problem_with(
        self, registration: DeaRegistration | None, prescriber: Provider
    ) -> str:
        if registration and registration.provider_id != prescriber.pk:
            return f"This DEA registration is not one of {prescriber}. Choose another."
        if registration or prescriber.pk not in self.has_several:
            return ""
        return (
            f"{prescriber} has several DEA registrations. Choose the one that this "
            "prescription is issued under."
        )


class PatientForm(forms.ModelForm):
    class Meta:
        model = Patient
        fields = [
            "first_name",
            "last_name",
            "date_of_birth",
            "sex",
            "address_line_1",
            "address_line_2",
            "city",
            "state",
            "postal_code",
            "phone",
        ]
        widgets = {"date_of_birth": DATE}

    def clean_date_of_birth(self):
        """A slip in the year makes another person of the patient."""
        born, today = self.cleaned_data["date_of_birth"], self.instance.practice.today()
        if not today.year - OLDEST <= born.year or born > today:
            raise forms.ValidationError(
                f"Nobody who is alive was born then. Enter a day of the last {OLDEST} "
                "years."
            )
        return born
