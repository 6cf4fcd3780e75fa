"""The content of a prescription as it is shown, hashed, signed and sent.

Every element of 21 CFR 1306.05(a), as RFC 8785 canonical JSON. Quantities are text,
so that no reader rounds them.
"""

import hashlib
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal

import rfc8785

from foundation.actors import User
from prescriptions.models import Patient, Pharmacy, Prescription, plain
from providers.models import Address, DeaRegistration

FORMAT = 2  # records signed as format 1 have fewer elements and still verify
# Sections that only some prescriptions have, by name: left out where the value is None,
# so that a new one changes no digest, golden file or bundle of before.
OPTIONAL_SECTIONS: dict[str, Callable[[Prescription], dict | None]] = {}
MESSAGE_LENGTH = 200  # characters a push request can carry


def canonical(prescription: Prescription) -> dict:
    """Return the content of a prescription from its current rows.

    Until it is signed, its date of issuance is today, so content that was marked ready
    on another day has another digest.
    """
    return {
        **_optional_sections(prescription),
        "format": FORMAT,
        "prescription": str(prescription.public_id),
        "issued_on": prescription.issue_date.isoformat(),
        "patient": _patient(prescription.patient),
        "prescriber": _prescriber(prescription),
        "supervisor": _supervisor(prescription),
        "practice": _practice(prescription),
        "prepared_by": _person(prescription.prepared_by),
        "drug": _drug(prescription),
        "quantity": plain(prescription.quantity),
        "partial_fill_quantity": _plain(prescription.partial_fill_quantity),
        "days_supply": prescription.days_supply,
        "refills": prescription.refills,
        "directions": prescription.directions,
        "note": prescription.note,
        "substitutions_allowed": prescription.substitutions_allowed,
        "earliest_fill_on": _day(prescription.earliest_fill_on),
        "emergency_oral_on": _day(prescription.emergency_oral_on),
        "pharmacy": _pharmacy(prescription.pharmacy),
    }


def _optional_sections(prescription: Prescription) -> dict[str, dict]:
    sections = {
        name: section(prescription) for name, section in OPTIONAL_SECTIONS.items()
    }
    return {name: value for name, value in sections.items() if value is not None}


def timestamp(at: datetime) -> str:
    """Return a time for records and messages: ISO 8601, UTC, with microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def encode(value: object) -> bytes:
    """Return canonical JSON (RFC 8785), the bytes that are hashed and signed."""
    return rfc8785.dumps(value)  # type: ignore[arg-type]


def digest_of(value: object) -> str:
    return hashlib.sha256(encode(value)).hexdigest()


def digest(prescription: Prescription) -> str:
    """Return the SHA-256 that ready mark, challenge and signature are bound to."""
    return digest_of(canonical(prescription))


def payload_digest(prescriptions: Iterable[Prescription]) -> str:
    """Return the digest that a challenge for these prescriptions is bound to."""
    return digest_over(digest(prescription) for prescription in prescriptions)


def digest_over(digests: Iterable[str]) -> str:
    """Return the digest over prescriptions signed together, from their digests."""
    first, *others = sorted(digests)
    return digest_of([first, *others]) if others else first


def push_message(prescriptions: Iterable[Prescription]) -> str:
    """Return the text of a push request: initials, no name and no birth date."""
    lines = [
        f"{_initials(prescription.patient)} {prescription.drug.name}, "
        f"{prescription.quantity_in_words}"
        for prescription in prescriptions
    ]
    if len(lines) > 1:
        lines[0] = f"{len(lines)} prescriptions: {lines[0]}"
    shown = list(lines)
    while len(text := _summary(shown, total=len(lines))) > MESSAGE_LENGTH:
        shown.pop()
    return text


def note_as_sent(content: dict) -> str:
    """Return the note to the pharmacist, after the statements the law requires."""
    unit = content["drug"]["unit"]
    ordered_on, part = (
        content.get(name) for name in ["emergency_oral_on", "partial_fill_quantity"]
    )
    parts = [
        # Word for word, with the date of the oral order: 21 CFR 1306.11(d)(4).
        f"Authorization for Emergency Dispensing, oral order of {ordered_on}."
        if ordered_on
        else "",
        # 21 CFR 1306.13(b): the prescriber specifies the quantity of each.
        f"Each partial fill: {part} {unit}." if part else "",
        content["note"],
    ]
    return " ".join(filter(None, parts))


def texts(value: object) -> list[str]:
    """Return every text in canonical content."""
    match value:
        case str():
            return [value]
        case dict():
            return [text for item in value.values() for text in texts(item)]
    return []


def _summary(lines: list[str], *, total: int) -> str:
    more = [f"and {total - len(lines)} more"] if len(lines) < total else []
    return "; ".join([*lines, *more])


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
        "dea_number": registration.as_written if registration else "",
        "institution": _institution(registration),
    }


def _institution(registration: DeaRegistration | None) -> dict | None:
    """Return the institution whose DEA number is used (21 CFR 1306.05(g))."""
    if registration is None or registration.institution is None:
        return None
    return {
        "name": registration.institution.name,
        "dea_number": registration.institution.dea_number,
        "internal_code": registration.internal_code,
    }


def _supervisor(prescription: Prescription) -> dict | None:
    """Return the supervisor, named as such (21 CFR 1311.135(c))."""
    supervisor = prescription.supervisor
    if supervisor is None:
        return None
    registration = prescription.supervisor_registration
    return {
        "id": str(supervisor.public_id),
        "first_name": supervisor.first_name,
        "last_name": supervisor.last_name,
        "credentials": supervisor.credentials,
        "npi": supervisor.npi,
        "dea_number": registration.as_written if registration else "",
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


def _person(user: User) -> dict:
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


def _plain(quantity: Decimal | None) -> str | None:
    return None if quantity is None else plain(quantity)


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
