from django import forms
from django.core.validators import MaxValueValidator
from django.db.models import Q

from prescriptions import formats
from prescriptions.models import Drug, Patient, Pharmacy, Prescription, plain
from providers.models import DeaRegistration, Provider, Role

DATE = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class DrugChoiceField(forms.ModelChoiceField):
    def label_from_instance(self, drug: Drug) -> str:
        return f"{drug.name} (C-{drug.schedule})"


class PharmacyChoiceField(forms.ModelChoiceField):
    def label_from_instance(self, pharmacy: Pharmacy) -> str:
        label = f"{pharmacy.name}, {pharmacy.city} {pharmacy.state}"
        if pharmacy.accepts_epcs:
            return label
        return f"{label} (does not accept controlled substances electronically)"


class RegistrationChoiceField(forms.ModelChoiceField):
    def label_from_instance(self, registration: DeaRegistration) -> str:
        return f"{registration.number}, {registration.state}, {registration.provider}"


class PrescriptionForm(forms.ModelForm):
    """What an agent or the practitioner writes down (21 CFR 1311.135(a))."""

    drug = DrugChoiceField(Drug.objects.none())
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
            "quantity": "In the unit of the drug: tablets, capsules, millilitres.",
            "refills": "0 for Schedule II; at most 5 within six months for III and IV.",
            "note": "For gamma-hydroxybutyric acid, the medical need.",
            "earliest_fill_on": "Only for a drug that is to be filled later.",
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
            prescribers = prescribers.filter(pk=own.pk)
            self.initial["prescriber"] = own
        self.fields["prescriber"].queryset = prescribers
        self._offer_registrations(prescribers, practice)
        in_use = Q(is_active=True) | Q(pk=self.instance.drug_id)
        self.fields["drug"].queryset = Drug.objects.filter(in_use)
        self.fields["pharmacy"].queryset = Pharmacy.objects.all()

    def _offer_registrations(self, prescribers, practice) -> None:
        registrations = [
            registration
            for registration in DeaRegistration.objects.filter(
                provider__in=prescribers, practice=practice
            )
            if registration.is_current(on=practice.today())
        ]
        field = self.fields["dea_registration"]
        field.queryset = DeaRegistration.objects.filter(
            pk__in=[registration.pk for registration in registrations]
        )
        # 21 CFR 1311.120(b)(7): with several, one is chosen and none is assumed.
        field.required = len(registrations) > 1
        if len(registrations) == 1:
            self.initial["dea_registration"] = registrations[0]

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
        if registration and prescriber and registration.provider_id != prescriber.pk:
            self.add_error(
                "dea_registration",
                f"This DEA registration is not one of {prescriber}. Choose another.",
            )
        return data


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
