"""Logs of what a practitioner signed, made from the archive and archived in turn.

21 CFR 1311.120(b)(27): one for every month, and others on request.
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from audit import chain
from audit.acts import Act
from foundation.actors import User
from foundation.refusals import NotPermitted
from prescriptions import content, dates, permissions, spreadsheets
from prescriptions.models import (
    LogKind,
    PrescriptionLog,
    SignedRecord,
    Status,
    in_words,
)
from prescriptions.permissions import Permission
from providers.models import Practice, Provider

FORMAT = 1
DAYS_TO_DELIVER = timedelta(days=7)  # calendar days: 21 CFR 1311.120(b)(27)(i)
COLUMNS = {
    "Date of issue": lambda line: line["issued_on"],
    "Patient": lambda line: patient_of(line),
    "Born": lambda line: line["patient"]["date_of_birth"],
    "Drug": lambda line: line["drug"],
    "Schedule": lambda line: line["schedule"],
    "Quantity": lambda line: line["quantity"],
    "Refills": lambda line: line["refills"],
    "Pharmacy": lambda line: line["pharmacy"],
    "Status": lambda line: line["status"],
    "DEA number": lambda line: line["dea_number"],
    "Prepared by": lambda line: line["prepared_by"],
    "Signed by": lambda line: line["signer"],
    "Signed at (UTC)": lambda line: line["signed_at"],
    "Prescription": lambda line: line["prescription"],
}
# Sort orders of a log; equal lines keep the order of signing: 21 CFR 1311.120(b)(27)(v).
SORTS: dict[str, Callable[[dict], tuple]] = {
    "date": lambda line: (line["issued_on"],),
    "patient": lambda line: (
        line["patient"]["last_name"].casefold(),
        line["patient"]["first_name"].casefold(),
        line["patient"]["date_of_birth"],
    ),
    "drug": lambda line: (line["drug"].casefold(),),
}
NOTHING = {"first_name": "", "last_name": "", "date_of_birth": ""}


UNREADABLE = {
    "issued_on": "",
    "signed_at": "",
    "signer": "",
    "patient": NOTHING,
    "drug": "",
    "schedule": "",
    "quantity": "",
    "refills": 0,
    "pharmacy": "",
    "dea_number": "",
    "prepared_by": "",
    "problem": "This record is not as it was archived. Tell your administrator.",
}


class LogRefused(NotPermitted):
    """This log is not made; the message says why."""


def make(
    provider: Provider, *, practice: Practice, first: date, last: date, by: User
) -> PrescriptionLog:
    """Archive and return a log of these days for its practitioner; raise LogRefused."""
    if not permissions.may(by, Permission.MAKE_LOG, of=provider):
        raise LogRefused("A log is made for the practitioner alone.")
    return archive(
        PrescriptionLog(
            kind=LogKind.ON_DEMAND,
            provider=provider,
            practice=practice,
            first_day=first,
            last_day=last,
        ),
        by=by,
    )


def make_monthly(
    provider: Provider, *, practice: Practice, month: date
) -> PrescriptionLog:
    """Archive and return the log of a month; raise IntegrityError if it exists."""
    first, last = month.replace(day=1), dates.end_of_month(month)
    return archive(
        PrescriptionLog(
            kind=LogKind.MONTHLY,
            provider=provider,
            practice=practice,
            first_day=first,
            last_day=last,
            due_on=last + DAYS_TO_DELIVER,
        ),
        by=None,
    )


def archive(log: PrescriptionLog, *, by: User | None) -> PrescriptionLog:
    """Fill a log from the signed records and archive it."""
    contents = _contents(log)
    log.payload = content.encode(contents).decode()
    log.digest = hashlib.sha256(log.payload.encode()).hexdigest()
    log.entries = len(contents["lines"])
    log.made_at = timezone.now()
    with transaction.atomic(durable=True):
        log.save(force_insert=True)
        chain.record(
            Act.LOG_ARCHIVED,
            by=by,
            of=log,
            kind=log.kind,
            period=f"{log.first_day} to {log.last_day}",
            digest=log.digest,
        )
    return log


def sorted_lines(lines: Iterable[dict], *, by: str, descending: bool) -> list[dict]:
    """Return the lines in an order of SORTS; equal lines keep the order of signing."""
    by_signing = sorted(lines, key=lambda line: line["signed_at"])
    return sorted(by_signing, key=SORTS[by], reverse=descending)


def as_csv(lines: Iterable[dict]) -> Iterator[str]:
    """Yield the lines of a CSV file, its header first."""
    yield spreadsheets.line(COLUMNS)
    for line in lines:
        yield spreadsheets.line(column(line) for column in COLUMNS.values())


def patient_of(line: dict) -> str:
    """Return the patient of a line as “last name, first name”."""
    patient = line["patient"]
    return ", ".join(filter(None, [patient["last_name"], patient["first_name"]]))


def _contents(log: PrescriptionLog) -> dict:
    """Return what a log says; the columns of its row repeat the days and the kind."""
    provider, practice = log.provider, log.practice
    lines = _lines(log)
    return {
        "format": FORMAT,
        "log": str(log.public_id),
        "kind": str(log.kind),
        "practitioner": str(provider),
        "npi": provider.npi,
        "practice": practice.name,
        "time_zone": practice.time_zone,
        "dea_numbers": _dea_numbers(log, lines),
        "first_day": log.first_day.isoformat(),
        "last_day": log.last_day.isoformat(),
        "made_at": content.timestamp(timezone.now()),
        "lines": lines,
    }


def _dea_numbers(log: PrescriptionLog, lines: list[dict]) -> list[str]:
    """Return the practitioner's numbers at the practice, and those that were signed."""
    registered = log.provider.dea_registrations.filter(practice=log.practice)
    return sorted(
        {registration.as_written for registration in registered}
        | {line["dea_number"] for line in lines if line["dea_number"]}
    )


def _lines(log: PrescriptionLog) -> list[dict]:
    rows = _records(log).values_list(
        "payload",
        "payload_digest",
        "prescription__public_id",
        "prescription__status",
    )
    return [_line(*row) for row in rows.iterator(chunk_size=500)]


def _records(log: PrescriptionLog) -> QuerySet[SignedRecord]:
    """Return what was issued in this name or under this number, whoever signed."""
    provider = log.provider
    attributed = (
        Q(prescription__prescriber=provider)
        | Q(prescription__dea_registration__provider=provider)
        | Q(signer=provider.user_id)
    )
    return SignedRecord.objects.filter(
        attributed,
        prescription__practice=log.practice,
        prescription__issued_on__range=(log.first_day, log.last_day),
    ).order_by("signed_at", "pk")


def _line(payload: str, digest: str, prescription: uuid.UUID, status: str) -> dict:
    """Return a line of the log from the archived record; only its status is current."""
    line = {
        "prescription": str(prescription),
        "status": str(Status(status).label),
        "digest": digest,
    }
    if hashlib.sha256(payload.encode()).hexdigest() != digest:
        return line | UNREADABLE
    return line | _signed_fields(json.loads(payload))


def _signed_fields(signed: dict) -> dict:
    signed_content = signed["content"]
    pharmacy, drug = signed_content["pharmacy"], signed_content["drug"]
    return {
        "issued_on": signed_content["issued_on"],
        "signed_at": signed["signed_at"],
        "signer": signed["signer"],
        "patient": {name: signed_content["patient"][name] for name in NOTHING},
        "drug": drug["name"],
        "schedule": drug["schedule"],
        "quantity": in_words(signed_content["quantity"], drug["unit"]),
        "refills": signed_content["refills"],
        "pharmacy": f"{pharmacy['name']}, {pharmacy['address']['city']}",
        "dea_number": signed_content["prescriber"]["dea_number"],
        "prepared_by": _name(signed_content["prepared_by"]),
        "problem": "",
    }


def _name(person: dict) -> str:
    name = f"{person['first_name']} {person['last_name']}".strip()
    return name or person["username"]
