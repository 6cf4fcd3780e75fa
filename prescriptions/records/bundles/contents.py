"""The contents of a bundle: records in a scope, their keys, messages and events."""

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
# The columns of the table for people, and the path of each in the signed record.
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


@dataclass(frozen=True)
class Scope:
    """Whose records, and of which days; without any limit, the whole portal."""

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
    """Return how many prescriptions `entries()` will yield."""
    return _signed_here(scope).count() + _imported(scope).count()


def entries(scope: Scope) -> Iterator[Entry]:
    """Yield what was signed here, and then what was imported, a few at a time."""
    for records in _chunks(_signed_here(scope)):
        yield from _signed_entries(records)
    for imported in _chunks(_imported(scope)):
        yield from map(imported_entry, imported)


def imported_entry(record: ImportedRecord) -> Entry:
    """Return an imported record as it goes into a bundle again."""
    return Entry(
        prescription=str(record.prescription_id),
        payload=record.payload.encode(),
        jws=record.jws,
        key=record.key,
        xml=None if record.xml is None else bytes(record.xml),
        events=record.events.encode(),
    )


def logs(scope: Scope) -> QuerySet[PrescriptionLog]:
    """Return the logs whose days touch those of the scope."""
    logs = PrescriptionLog.objects.order_by("pk")
    if scope.practice:
        logs = logs.filter(practice=scope.practice)
    if scope.provider:
        logs = logs.filter(provider=scope.provider)
    if scope.first_day:
        logs = logs.filter(last_day__gte=scope.first_day)
    if scope.last_day:
        logs = logs.filter(first_day__lte=scope.last_day)
    return logs


def all_events() -> Iterator[bytes]:
    """Yield the whole record as lines of JSON."""
    events = Event.objects.order_by("stream", "sequence")
    for event in events.iterator(chunk_size=2000):
        yield _line(event)


def all_checkpoints() -> Iterator[bytes]:
    """Yield all checkpoints as lines of JSON."""
    for checkpoint in Checkpoint.objects.order_by("sequence").iterator(chunk_size=20):
        yield content.encode(checkpoints.as_fields(checkpoint)) + b"\n"


def public_key(key: SigningKey) -> dict:
    """Return a key as in a JWKS, with the period in which it signed."""
    return dict(key.public_jwk) | {
        "activated_at": seals.timestamp(key.activated_at),
        "retired_at": seals.timestamp(key.retired_at) if key.retired_at else None,
    }


def csv_line(entry: Entry) -> list[str]:
    """Return the cells of a prescription, to be read by people: 21 CFR 1311.305(c)."""
    signed = json.loads(entry.payload)
    return [_text(_at(signed, path)) for path in CSV.values()]


def _at(signed: dict, path: str) -> object:
    """Return the value at a path of the content, or of the record after a slash."""
    if path.startswith("/"):
        return signed[path[1:]]
    value: object = signed["content"]
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(value[part] for part in ADDRESS if value[part])
    return "" if value is None else str(value)


def _signed_entries(records: list[SignedRecord]) -> Iterator[Entry]:
    ids = [str(record.prescription.public_id) for record in records]
    events = _events_by_prescription(ids)
    for record, prescription in zip(records, ids, strict=True):
        message = getattr(record.prescription, "transmission", None)
        yield Entry(
            prescription=prescription,
            payload=record.payload.encode(),
            jws=record.jws,
            key=public_key(record.key),
            xml=bytes(message.xml) if message else None,
            events=events[prescription],
        )


def _signed_here(scope: Scope) -> QuerySet[SignedRecord]:
    records = SignedRecord.objects.select_related("prescription__transmission", "key")
    if scope.practice:
        records = records.filter(prescription__practice=scope.practice)
    if scope.provider:
        records = records.filter(signer=scope.provider.user_id)
    if scope.first_day:
        records = records.filter(prescription__issued_on__gte=scope.first_day)
    if scope.last_day:
        records = records.filter(prescription__issued_on__lte=scope.last_day)
    return records


def _imported(scope: Scope) -> QuerySet[ImportedRecord]:
    records = ImportedRecord.objects.all()
    if scope.practice:
        records = records.filter(practice=scope.practice)
    if scope.provider:
        registrations = scope.provider.dea_registrations.all()
        numbers = [registration.as_written for registration in registrations]
        records = records.filter(dea_number__in=numbers)
    if scope.first_day:
        records = records.filter(issued_on__gte=scope.first_day)
    if scope.last_day:
        records = records.filter(issued_on__lte=scope.last_day)
    return records


def _chunks(rows: QuerySet) -> Iterator[list]:
    """Yield rows a few at a time, by key, so that no cursor stays open between."""
    last = 0
    while chunk := list(rows.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        yield chunk
        last = chunk[-1].pk


def _events_by_prescription(ids: list[str]) -> dict[str, bytes]:
    """Return the events about each prescription, as lines of JSON."""
    subjects = [f"{PRESCRIPTION}:{prescription}" for prescription in ids]
    lines: dict[str, bytes] = defaultdict(bytes)
    events = Event.objects.filter(subject__in=subjects).order_by("stream", "sequence")
    for event in events:
        lines[event.subject_id] += _line(event)
    return lines


def _line(event: Event) -> bytes:
    return content.encode(seals.event_fields(event) | {"hash": event.hash}) + b"\n"
