from collections import Counter
from datetime import date
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator
from django.db.models import QuerySet

from foundation.actors import User
from prescriptions import formats
from prescriptions.drugs.field import DrugField
from prescriptions.models import Drug, Patient, Pharmacy, Prescription, plain
from providers.models import DeaRegistration, Practice, Provider, Role

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
    """A form without `maxlength`: browsers silently cut pasted text at it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.pop("maxlength", None)


class PrescriptionForm(Uncut, forms.ModelForm):
    """The content of a draft, by an agent or the practitioner (21 CFR 1311.135(a))."""

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

    def __init__(
        self, user: User, practice: Practice, *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["shown_version"].initial = self.instance.version
        self.fields["days_supply"].validators.append(
            MaxValueValidator(formats.MOST_DAYS_SUPPLY)
        )
        self._show_plain_quantities()
        prescribers = self._offer_prescribers(user, practice)
        self._offer_registrations(prescribers, practice)
        self.fields["drug"].offer(
            also=self.instance.drug_id, query=self.data.get("q", "")
        )
        self.fields["pharmacy"].queryset = Pharmacy.objects.all()

    @property
    def is_drug_search(self) -> bool:
        """True if this was sent to search for a drug; nothing is validated yet."""
        return "find" in self.data

    def is_valid(self) -> bool:
        return not self.is_drug_search and super().is_valid()

    def full_clean(self) -> None:
        super().full_clean()
        if self.is_drug_search:
            self.errors.clear()

    def has_rare(self) -> bool:
        """Return True if a rarely used field has a value or an error."""
        return any(self[name].value() or self.has_error(name) for name in self.RARE)

    def _show_plain_quantities(self) -> None:
        for name in ["quantity", "partial_fill_quantity"]:
            quantity = getattr(self.instance, name)
            if quantity is not None:
                self.initial[name] = plain(quantity)

    def _offer_prescribers(self, user: User, practice: Practice) -> QuerySet[Provider]:
        """Offer the practice's providers; to a provider, only themselves by default."""
        prescribers = Provider.objects.filter(
            user__memberships__practice=practice,
            user__memberships__role=Role.PROVIDER,
            user__memberships__left_on=None,
        )
        self.fields["supervisor"].queryset = prescribers.exclude(user=user)
        if provider := prescribers.filter(user=user).first():
            named = self.instance.prescriber_id or provider.pk
            prescribers = prescribers.filter(pk__in=[provider.pk, named])
            self.initial["prescriber"] = named
        self.fields["prescriber"].queryset = prescribers
        return prescribers

    def _offer_registrations(
        self, prescribers: QuerySet[Provider], practice: Practice
    ) -> None:
        """Offer registrations of this State; preselect only a sole one.

        21 CFR 1311.120(b)(7).
        """
        registrations = DeaRegistration.objects.filter(
            provider__in=prescribers
        ).select_related("provider", "institution")
        today = practice.today()
        current = [each for each in registrations if each.is_current(on=today)]
        offered = [each for each in current if each.state == practice.state]
        counts = Counter(each.provider_id for each in current)
        self.has_several = {pk for pk, count in counts.items() if count > 1}
        field = self.fields["dea_registration"]
        field.queryset = registrations.filter(pk__in=[each.pk for each in offered])
        field.is_conditional = True  # a sole registration is chosen by itself
        if len(current) == len(offered) == 1:
            self.initial["dea_registration"] = offered[0]

    def clean(self) -> dict[str, Any]:
        super().clean()
        data = self.cleaned_data
        if self.instance.pk and data.get("shown_version") != self.instance.version:
            raise forms.ValidationError(
                "Somebody else changed this prescription meanwhile. Open it again."
            )
        registration = data.get("dea_registration")
        prescriber = data.get("prescriber")
        if prescriber and (
            problem := self._registration_problem(registration, prescriber)
        ):
            self.add_error("dea_registration", problem)
        return data

    def _registration_problem(
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

    def clean_date_of_birth(self) -> date:
        """Refuse an impossible year: a typing error would name another person."""
        born, today = self.cleaned_data["date_of_birth"], self.instance.practice.today()
        if not today.year - OLDEST <= born.year or born > today:
            raise forms.ValidationError(
                f"Nobody who is alive was born then. Enter a day of the last {OLDEST} "
                "years."
            )
        return born
