"""A prescription in order that no database knows, for rules that need none."""

from datetime import date
from decimal import Decimal

from django.contrib.auth import get_user_model

from prescriptions import rules
from prescriptions.models import Drug, Patient, Pharmacy, Prescription
from providers.models import DeaRegistration, Practice, Provider

TODAY = date(2026, 8, 31)


def a_prescription(schedule="III", **overrides):
    practice = Practice(
        pk=1,
        name="Clinic",
        address_line_1="1 Main Street",
        city="Albany",
        state="NY",
        postal_code="12207",
        phone="5185550100",
    )
    prescriber = Provider(pk=1, first_name="Ann", last_name="Able", npi="1234567893")
    defaults = {
        "practice": practice,
        "patient": Patient(
            pk=1,
            first_name="Pat",
            last_name="Patient",
            date_of_birth=date(1980, 1, 1),
            address_line_1="2 Elm Street",
            city="Albany",
            state="NY",
            postal_code="12208",
        ),
        "prescriber": prescriber,
        "prepared_by": get_user_model()(username="sam"),
        "dea_registration": DeaRegistration(
            provider=prescriber,
            practice=practice,
            number="BA1388568",
            state="NY",
            expires_on=TODAY,
        ),
        "drug": Drug(
            pk=1,
            name="Ketamine 10 mg tablet",
            strength="10 mg",
            form="tablet",
            schedule=schedule,
            dea_code="7285",
        ),
        "schedule": schedule,
        "quantity": Decimal("30"),
        "days_supply": 30,
        "directions": "Take one.",
        "pharmacy": Pharmacy(name="Corner Pharmacy", accepts_epcs=True),
    }
    return Prescription(**defaults | overrides)


def labels(prescription, on=TODAY, **around):
    around = rules.Circumstances(on=on, **around)
    return [one.label for one in rules.blockers_to_ready(prescription, around=around)]
