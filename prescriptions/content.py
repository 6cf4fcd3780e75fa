"""The one picture of a prescription that is shown, hashed, signed and sent.

Every element of 21 CFR 1306.05(a), as RFC 8785 canonical JSON. Quantities are text,
so that no reader rounds them.
"""

import hashlib
from collections.abc import Iterable
from datetime import date

import rfc8785

from prescriptions.models import Patient, Pharmacy, Prescription, plain
from providers.models import Address

FORMAT = 1
MESSAGE_LENGTH = 200  # characters; what a push can carry


def canonical(prescription: Prescription) -> dict:
    """Return the content of a prescription as it stands in the rows right now.

    Until it is signed, its date of issuance is today, and a mark made on another day
    is a mark on other content.
    """
    issued_on = prescription.issued_on or prescription.practice.today()
    return {
        "format": FORMAT,
        "prescription": str(prescription.public_id),
        "issued_on": issued_on.isoformat(),
        "patient": _patient(prescription.patient),
        "prescriber": _prescriber(prescription),
        "practice": _practice(prescription),
        "prepared_by": _person(prescription.prepared_by),
        "drug": _drug(prescription),
        "quantity": plain(prescription.quantity),
        "days_supply": prescription.days_supply,
        "refills": prescription.refills,
        "directions": prescription.directions,
        "note": prescription.note,
        "substitutions_allowed": prescription.substitutions_allowed,
        "earliest_fill_on": _day(prescription.earliest_fill_on),
        "pharmacy": _pharmacy(prescription.pharmacy),
    }


def encode(value: object) -> bytes:
    return rfc8785.dumps(value)  # type: ignore[arg-type]


def digest_of(value: object) -> str:
    return hashlib.sha256(encode(value)).hexdigest()


def digest(prescription: Prescription) -> str:
    """Return the SHA-256 that the mark, the challenge and the signature are bound to."""
    return digest_of(canonical(prescription))


def payload_digest(prescriptions: Iterable[Prescription]) -> str:
    """Return what a challenge is bound to: one digest, or one over several."""
    digests = sorted(digest(prescription) for prescription in prescriptions)
    return digests[0] if len(digests) == 1 else digest_of(digests)


def push_message(prescriptions: Iterable[Prescription]) -> str:
    """Return what a phone shows of what is to be signed: no name, no birth date."""
    lines = [
        f"{_initials(one.patient)} {one.drug.name}, {one.quantity_in_words}"
        for one in prescriptions
    ]
    return "; ".join(lines)[:MESSAGE_LENGTH]


def texts(value: object) -> list[str]:
    """Return every text in a picture."""
    match value:
        case str():
            return [value]
        case dict():
            return [text for item in value.values() for text in texts(item)]
    return []


def _initials(patient: Patient) -> str:
    return f"{patient.first_name[:1]}.{patient.last_name[:1]}."


def _patient(patient: Patient) -> dict:
    return {
        "id": str(patient.public_id),
        "first_name": patient.first_name,
        "last_name": patient.last_name,
        "date_of_birth": _day(patient.date_of_birth),
        "sex": patient.sex,
        "phone": patient.phone,
        "address": _address(patient),
    }


def _prescriber(prescription: Prescription) -> dict:
    prescriber, registration = prescription.prescriber, prescription.dea_registration
    return {
        "id": str(prescriber.public_id),
        "first_name": prescriber.first_name,
        "last_name": prescriber.last_name,
        "credentials": prescriber.credentials,
        "npi": prescriber.npi,
        "dea_number": registration.number if registration else "",
    }


def _practice(prescription: Prescription) -> dict:
    practice = prescription.practice
    return {
        "id": str(practice.public_id),
        "name": practice.name,
        "phone": practice.phone,
        "time_zone": practice.time_zone,
        "address": _address(practice),
    }


def _person(user) -> dict:
    return {
        "username": user.get_username(),
        "first_name": user.first_name,
        "last_name": user.last_name,
    }


def _drug(prescription: Prescription) -> dict:
    drug = prescription.drug
    return {
        "id": str(drug.public_id),
        "name": drug.name,
        "substance": drug.substance,
        "strength": drug.strength,
        "form": drug.form,
        "schedule": prescription.schedule,
        "dea_code": drug.dea_code,
        "narcotic": drug.narcotic,
        "ndc": drug.ndc,
        "unit": drug.unit,
        "unit_code": drug.unit_code,
    }


def _pharmacy(pharmacy: Pharmacy) -> dict:
    return {
        "id": str(pharmacy.public_id),
        "ncpdp_id": pharmacy.ncpdp_id,
        "npi": pharmacy.npi,
        "name": pharmacy.name,
        "phone": pharmacy.phone,
        "address": _address(pharmacy),
    }


def _address(row: Address) -> dict:
    return {
        "line_1": row.address_line_1,
        "line_2": row.address_line_2,
        "city": row.city,
        "state": row.state,
        "postal_code": row.postal_code,
    }


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
