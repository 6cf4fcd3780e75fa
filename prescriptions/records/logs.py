"""Logs of what a practitioner signed, made from the archive and archived themselves.

21 CFR 1311.120(b)(27): one for every month, and others whenever they are asked for.
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
from prescriptions import content, dates, spreadsheets
from prescriptions.models import (
    LogKind,
    PrescriptionLog,
    SignedRecord,
    Status,
    in_words,
)
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
# What a log is sorted by, and then by when it was signed: 21 CFR 1311.120(b)(27)(v).
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


class NotAllowed(Exception):
    """There is no such log to make; the message says why."""


def make(
    provider: Provider, *, practice: Practice, first: date, last: date, by: User
) -> PrescriptionLog:
    """Archive and return a log of these days for the practitioner who asks for it."""
    if provider.user_id != by.pk:
        raise NotAllowed("A log is made for the practitioner alone.")
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
    """Archive and return the log of a month; raise IntegrityError if there is one."""
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
    """Fill a log from the archive and archive it."""
    picture = _picture(log)
    log.payload = content.encode(picture).decode()
    log.digest = hashlib.sha256(log.payload.encode()).hexdigest()
    log.entries = len(picture["lines"])
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
    """Return the lines in an order of SORTS; whatever is equal stays by its signing."""
    kept = sorted(lines, key=lambda line: line["signed_at"])
    return sorted(kept, key=SORTS[by], reverse=descending)


def as_csv(lines: Iterable[dict]) -> Iterator[str]:
    """Yield the lines of a table, its header first."""
    yield spreadsheets.line(COLUMNS)
    for line in lines:
        yield spreadsheets.line(tell(line) for tell in COLUMNS.values())


def patient_of(line: dict) -> str:
    patient = line["patient"]
    return ", ".join(filter(None, [patient["last_name"], patient["first_name"]]))


def _picture(log: PrescriptionLog) -> dict:
    lines = [
        _line(*row)
        for row in _records(log)
        .values_list(
            "payload",
            "payload_digest",
            "prescription__public_id",
            "prescription__status",
        )
        .iterator(chunk_size=500)
    ]
    provider, practice = log.provider, log.practice
    registered = provider.dea_registrations.filter(practice=practice)
    return {
        "format": FORMAT,
        "log": str(log.public_id),
        "kind": str(log.kind),
        "practitioner": str(provider),
        "npi": provider.npi,
        "practice": practice.name,
        "time_zone": practice.time_zone,
        "dea_numbers": sorted(
            {one.as_written for one in registered}
            | {line["dea_number"] for line in lines if line["dea_number"]}
        ),
        "first_day": log.first_day.isoformat(),
        "last_day": log.last_day.isoformat(),
        "made_at": content.timestamp(timezone.now()),
        "lines": lines,
    }


def _records(log: PrescriptionLog) -> QuerySet[SignedRecord]:
    """Return what was issued in this name or number, whoever it was that signed."""
    provider = log.provider
    theirs = (
        Q(prescription__prescriber=provider)
        | Q(prescription__dea_registration__provider=provider)
        | Q(signer=provider.user_id)
    )
    return SignedRecord.objects.filter(
        theirs,
        prescription__practice=log.practice,
        prescription__issued_on__range=(log.first_day, log.last_day),
    ).order_by("signed_at", "pk")


def _line(payload: str, digest: str, prescription: uuid.UUID, status: str) -> dict:
    """Return a line of the log, out of the archived record and nothing else.

    Only its status is that of today.
    """
    line = {
        "prescription": str(prescription),
        "status": str(Status(status).label),
        "digest": digest,
    }
    if hashlib.sha256(payload.encode()).hexdigest() != digest:
        return line | UNREADABLE
    signed = json.loads(payload)
    picture = signed["content"]
    pharmacy, drug = picture["pharmacy"], picture["drug"]
    return line | {
        "issued_on": picture["issued_on"],
        "signed_at": signed["signed_at"],
        "signer": signed["signer"],
        "patient": {name: picture["patient"][name] for name in NOTHING},
        "drug": drug["name"],
        "schedule": drug["schedule"],
        "quantity": in_words(picture["quantity"], drug["unit"]),
        "refills": picture["refills"],
        "pharmacy": f"{pharmacy['name']}, {pharmacy['address']['city']}",
        "dea_number": picture["prescriber"]["dea_number"],
        "prepared_by": _name(picture["prepared_by"]),
        "problem": "",
    }


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


def _name(person: dict) -> str:
    name = f"{person['first_name']} {person['last_name']}".strip()
    return name or person["username"]
