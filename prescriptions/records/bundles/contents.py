"""What goes into a bundle: records in a scope, their keys, messages and events."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet

from audit import checkpoints, seals
from audit.models import Checkpoint, Event
from prescriptions import content
from prescriptions.models import (
    ImportedRecord,
    Prescription,
    PrescriptionLog,
    SignedRecord,
    SigningKey,
)
from providers.models import Practice, Provider

CHUNK = 200  # prescriptions in memory
PRESCRIPTION = Prescription._meta.label_lower


@dataclass(frozen=True)
class Scope:
    """Whose records, and of which days; without any limit, the whole installation."""

    practice: Practice | None = None
    provider: Provider | None = None
    first_day: date | None = None
    last_day: date | None = None

    @property
    def is_whole(self) -> bool:
        return self == Scope()


@dataclass(frozen=True)
class Entry:
    """One prescription as it goes into a bundle."""

    prescription: str
    payload: bytes
    jws: str
    key: dict
    xml: bytes | None
    events: bytes


def count(scope: Scope) -> int:
    return _own(scope).count() + _imported(scope).count()


def entries(scope: Scope) -> Iterator[Entry]:
    """Yield what was signed here, and then what was imported, a few at a time."""
    for records in _chunks(_own(scope)):
        ids = [str(record.prescription.public_id) for record in records]
        told = _events_about(ids)
        for record, prescription in zip(records, ids, strict=True):
            message = getattr(record.prescription, "transmission", None)
            yield Entry(
                prescription=prescription,
                payload=record.payload.encode(),
                jws=record.jws,
                key=public_key(record.key),
                xml=bytes(message.xml) if message else None,
                events=told[prescription],
            )
    for imported in _chunks(_imported(scope)):
        for kept in imported:
            yield Entry(
                prescription=str(kept.prescription_id),
                payload=kept.payload.encode(),
                jws=kept.jws,
                key=kept.key,
                xml=None if kept.xml is None else bytes(kept.xml),
                events=kept.events.encode(),
            )


def logs(scope: Scope) -> QuerySet[PrescriptionLog]:
    found = PrescriptionLog.objects.order_by("pk")
    if scope.practice:
        found = found.filter(practice=scope.practice)
    if scope.provider:
        found = found.filter(provider=scope.provider)
    if scope.first_day:
        found = found.filter(last_day__gte=scope.first_day)
    if scope.last_day:
        found = found.filter(first_day__lte=scope.last_day)
    return found


def all_events() -> Iterator[bytes]:
    events = Event.objects.order_by("stream", "sequence")
    for event in events.iterator(chunk_size=2000):
        yield _line(event)


def all_checkpoints() -> Iterator[bytes]:
    for checkpoint in Checkpoint.objects.order_by("sequence").iterator(chunk_size=20):
        yield content.encode(checkpoints.as_fields(checkpoint)) + b"\n"


def signing_keys() -> list[dict]:
    return [public_key(key) for key in SigningKey.objects.order_by("pk")]


def public_key(key: SigningKey) -> dict:
    """Return a key as in a JWKS, with the time in which it signed."""
    return dict(key.public_jwk) | {
        "activated_at": seals.timestamp(key.activated_at),
        "retired_at": seals.timestamp(key.retired_at) if key.retired_at else None,
    }


def csv_line(entry: Entry) -> list[str]:
    """Return a prescription for a person to read: 21 CFR 1311.305(c)."""
    signed = json.loads(entry.payload)
    picture = signed["content"]
    return [_text(_at(signed, picture, where)) for where in CSV.values()]


CSV = {
    "Prescription": "prescription",
    "Date of issue": "issued_on",
    "Signed at (UTC)": "/signed_at",
    "Signed by": "/signer",
    "Patient, last name": "patient.last_name",
    "Patient, first name": "patient.first_name",
    "Born": "patient.date_of_birth",
    "Patient's address": "patient.address",
    "Drug": "drug.name",
    "Strength": "drug.strength",
    "Form": "drug.form",
    "Schedule": "drug.schedule",
    "Quantity": "quantity",
    "Unit": "drug.unit",
    "Days' supply": "days_supply",
    "Refills": "refills",
    "Directions": "directions",
    "Note": "note",
    "Earliest fill date": "earliest_fill_on",
    "Practitioner, last name": "prescriber.last_name",
    "Practitioner, first name": "prescriber.first_name",
    "DEA number": "prescriber.dea_number",
    "NPI": "prescriber.npi",
    "Practice": "practice.name",
    "Practice's address": "practice.address",
    "Pharmacy": "pharmacy.name",
    "Pharmacy's NCPDP ID": "pharmacy.ncpdp_id",
    "Prepared by": "prepared_by.username",
    "Key id": "/key_id",
    "SHA-256 of the content": "/content_digest",
}


ADDRESS = ["line_1", "line_2", "city", "state", "postal_code"]


def _at(signed: dict, picture: dict, where: str) -> object:
    if where.startswith("/"):
        return signed[where[1:]]
    value: object = picture
    for name in where.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(value[part] for part in ADDRESS if value[part])
    return "" if value is None else str(value)


def _own(scope: Scope) -> QuerySet[SignedRecord]:
    found = SignedRecord.objects.select_related("prescription__transmission", "key")
    if scope.practice:
        found = found.filter(prescription__practice=scope.practice)
    if scope.provider:
        found = found.filter(signer=scope.provider.user_id)
    if scope.first_day:
        found = found.filter(prescription__issued_on__gte=scope.first_day)
    if scope.last_day:
        found = found.filter(prescription__issued_on__lte=scope.last_day)
    return found


def _imported(scope: Scope) -> QuerySet[ImportedRecord]:
    found = ImportedRecord.objects.all()
    if scope.practice:
        found = found.filter(practice=scope.practice)
    if scope.provider:
        numbers = [one.as_written for one in scope.provider.dea_registrations.all()]
        found = found.filter(dea_number__in=numbers)
    if scope.first_day:
        found = found.filter(issued_on__gte=scope.first_day)
    if scope.last_day:
        found = found.filter(issued_on__lte=scope.last_day)
    return found


def _chunks(rows: QuerySet) -> Iterator[list]:
    """Yield rows a few at a time, by key, so that no cursor stays open meanwhile."""
    last = 0
    while chunk := list(rows.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        yield chunk
        last = chunk[-1].pk


def _events_about(ids: list[str]) -> dict[str, bytes]:
    subjects = [f"{PRESCRIPTION}:{one}" for one in ids]
    told: dict[str, bytes] = defaultdict(bytes)
    events = Event.objects.filter(subject__in=subjects).order_by("stream", "sequence")
    for event in events:
        told[event.subject_id] += _line(event)
    return told


def _line(event: Event) -> bytes:
    return content.encode(seals.event_fields(event) | {"hash": event.hash}) + b"\n"
