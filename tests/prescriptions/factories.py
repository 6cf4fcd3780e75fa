"""Patients, pharmacies, drugs and drafts; a test names only what it is about."""

from copy import deepcopy
from datetime import date
from decimal import Decimal
from functools import cache

from mfa import challenges
from mfa.models import Purpose
from prescriptions import content
from prescriptions.drugs import formulary
from prescriptions.models import Drug, Patient, Pharmacy, Prescription
from prescriptions.signing import ceremony
from prescriptions.writing import drafts
from tests.factories import PASSWORD, code_of, intent_of, make_npi, serial

SCHEDULE_II = [
    "Oxycodone hydrochloride 5 mg tablet",
    "Morphine sulfate 15 mg tablet",
    "Methadone hydrochloride 5 mg tablet",
    "Hydromorphone hydrochloride 2 mg tablet",
    "Levorphanol tartrate 2 mg tablet",
    "Tapentadol 50 mg tablet",
]
SESSION = "a-session-key"


def make_patient(practice, **overrides):
    defaults = {
        "first_name": "Pat",
        "last_name": "Patient",
        "date_of_birth": date(1980, 2, 29),
        "sex": "F",
        "address_line_1": "2 Elm Street",
        "city": "Albany",
        "state": "NY",
        "postal_code": "12208",
        "phone": "5185550111",
    }
    return Patient.objects.create(practice=practice, **defaults | overrides)


def make_pharmacy(**overrides):
    defaults = {
        "ncpdp_id": f"{next(serial):07}",
        "npi": make_npi(),
        "name": "Corner Pharmacy (demo)",
        "address_line_1": "3 Market Square",
        "city": "Albany",
        "state": "NY",
        "postal_code": "12207-0001",
        "phone": "5185550122",
    }
    return Pharmacy.objects.create(**defaults | overrides)


def make_drug(name=SCHEDULE_II[0], **overrides):
    """A product of the formulary that comes with the portal."""
    if kept := Drug.objects.filter(name=name).first():
        return kept
    drug = deepcopy(_formulary()[name])
    for field, value in overrides.items():
        setattr(drug, field, value)
    drug.save()
    return drug


@cache
def _formulary():
    """Return the drugs by name; to read them is slow for what tests do so often."""
    return {drug.name: drug for drug in formulary.drugs()}


def _drug_new_to(patient):
    """Schedule II, and not one that the patient has: two of one are a series."""
    had = patient.prescriptions.values_list("drug__name", flat=True)
    return make_drug(next(name for name in SCHEDULE_II if name not in had))


def make_draft(provider, **overrides):
    """A draft with everything in order, written by its prescriber."""
    practice = overrides.pop("practice", None) or _only_practice(provider)
    by = overrides.pop("by", provider.user)
    patient = overrides.pop("patient", None) or make_patient(practice)
    defaults = {
        "prescriber": provider,
        "drug": overrides.pop("drug", None) or _drug_new_to(patient),
        "quantity": Decimal("30"),
        "days_supply": 10,
        "directions": "Take 1 tablet by mouth every 8 hours as needed for pain.",
        "pharmacy": overrides.pop("pharmacy", None) or make_pharmacy(),
    }
    draft = Prescription(practice=practice, patient=patient, **defaults | overrides)
    return drafts.create(draft, by=by)


def at(practice, provider):
    """Return what a draft needs of somebody who works at several practices."""
    registration = provider.dea_registrations.get(practice=practice)
    return {"practice": practice, "dea_registration": registration}


def _only_practice(provider):
    return provider.user.memberships.get().practice


def make_ready(provider, **overrides):
    """A prescription that waits for nothing but the two factors."""
    draft = make_draft(provider, **overrides)
    ceremony.mark_ready(draft, by=provider.user)
    draft.refresh_from_db()
    return draft


def prove(prescriptions, device, **overrides):
    """Both factors shown for exactly these prescriptions."""
    facts = {
        "device": device,
        "purpose": Purpose.SIGN,
        "payload_digest": content.payload_digest(prescriptions),
        "password": PASSWORD,
        "session_key": SESSION,
    } | overrides
    facts.setdefault("code", code_of(facts["device"]))
    return challenges.prove(intent_of(facts, user=device.user), **facts)


def sign(prescription, device):
    """Sign one prescription as its prescriber does; return its record."""
    [record] = ceremony.sign(
        [prescription],
        by=device.user,
        challenge=prove([prescription], device),
        session_key=SESSION,
    )
    prescription.refresh_from_db()
    return record
