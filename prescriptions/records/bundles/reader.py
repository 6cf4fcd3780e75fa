"""Take the records of another installation into the archive: all of them or nothing.

21 CFR 1311.305(e)-(h): they move readable, with their signatures, and verify here.
"""

import contextlib
import hashlib
import json
import uuid
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from audit import chain
from audit.acts import Act, Outcome
from prescriptions.models import ImportedBundle, ImportedRecord, SignedRecord
from prescriptions.records.bundles import verify
from providers.models import Practice

AT_ONCE = 200  # prescriptions in memory
# What a record of another form than ours ends in.
UNFIT: tuple[type[Exception], ...] = (*verify.UNREADABLE, DataError, IntegrityError)


class NotImported(Exception):
    """Nothing was taken over; the message says why."""


@dataclass(frozen=True)
class Imported:
    new: int
    known: int


def import_bundle(path: Path, *, practice: Practice, thumbprint: str) -> Imported:
    """Verify a bundle and archive what it holds; once, however often it is called.

    `thumbprint` is the key that it has to be sealed with, known from elsewhere.
    """
    try:
        return _taken(path, practice=practice, thumbprint=thumbprint)
    except NotImported as refusal:
        chain.record(
            Act.RECORDS_IMPORTED,
            by=None,
            of=practice,
            outcome=Outcome.FAILURE,
            problem=str(refusal),
        )
        raise


def _taken(path: Path, *, practice: Practice, thumbprint: str) -> Imported:
    try:
        return _take(path, practice=practice, thumbprint=thumbprint)
    except UNFIT as error:  # which may quote a patient's data
        raise NotImported(
            f"What it holds cannot be archived here ({type(error).__name__})."
        ) from error


def _take(path: Path, *, practice: Practice, thumbprint: str) -> Imported:
    report = verify.check(path, thumbprints=[thumbprint])
    if report.problems:
        raise NotImported(f"It does not verify. {report.problems[0]}.")
    with contextlib.closing(verify.open_bundle(path)) as source:
        reader = _Reader(source, report)
        with transaction.atomic(durable=True):
            bundle = reader.bundle(practice)
            new = 0
            for start in range(0, len(report.records), AT_ONCE):
                folders = report.records[start : start + AT_ONCE]
                fresh = _unknown([reader.record(one, bundle) for one in folders])
                ImportedRecord.objects.bulk_create(fresh)
                new += len(fresh)
            chain.record(
                Act.RECORDS_IMPORTED,
                by=None,
                of=bundle,
                digest=bundle.manifest_digest,
                key_id=thumbprint,
                prescriptions=new,
            )
    return Imported(new=new, known=len(report.records) - new)


class _Reader:
    """Reads what verified, and nothing that was changed since."""

    def __init__(self, source: verify.Folder | verify.Zip, report: verify.Report):
        self.source, self.report = source, report
        keys = json.loads(self.read(verify.KEYS))["keys"]
        self.keys = {key["kid"]: key for key in keys}

    def read(self, name: str) -> bytes:
        with self.source.open(name) as file:
            data = file.read()
        if hashlib.sha256(data).hexdigest() != self.report.digests[name]:
            raise NotImported(f"{name} was changed while it was read.")
        return data

    def bundle(self, practice: Practice) -> ImportedBundle:
        seal = self.report.seal
        with self.source.open(verify.SEAL) as file:
            text = file.read().decode("ascii")
        kept, _ = ImportedBundle.objects.get_or_create(
            practice=practice,
            manifest_digest=seal["manifest"],
            defaults={
                "seal": text,
                "key_thumbprint": self.report.sealed_with,
                "source": seal["source"][:200],
                "made_at": datetime.fromisoformat(seal["made_at"]),
                "imported_at": timezone.now(),
            },
        )
        return kept

    def record(self, folder: str, bundle: ImportedBundle) -> ImportedRecord:
        payload = self.read(f"{folder}/payload.json")
        signed = json.loads(payload)
        picture = signed["content"]
        patient, person = picture["patient"], picture["prescriber"]
        number = uuid.UUID(picture["prescription"])
        if str(number) != picture["prescription"]:
            raise ValueError("a number written in another way")
        return ImportedRecord(
            prescription_id=number,
            bundle=bundle,
            practice=bundle.practice,
            payload=payload.decode(),
            payload_digest=hashlib.sha256(payload).hexdigest(),
            jws=self.read(f"{folder}/signature.jws").decode("ascii"),
            key=self.keys[signed["key_id"]],
            xml=self.optional(f"{folder}/message.xml"),
            events=(self.optional(f"{folder}/events.jsonl") or b"").decode(),
            patient_name=f"{patient['first_name']} {patient['last_name']}"[:80],
            date_of_birth=date.fromisoformat(patient["date_of_birth"]),
            drug=picture["drug"]["name"][:200],
            schedule=picture["drug"]["schedule"],
            prescriber=f"{person['first_name']} {person['last_name']}"[:100],
            dea_number=person["dea_number"],
            issued_on=date.fromisoformat(picture["issued_on"]),
        )

    def optional(self, name: str) -> bytes | None:
        return self.read(name) if name in self.report.digests else None


def _unknown(records: list[ImportedRecord]) -> list[ImportedRecord]:
    """Leave out what is in the archive already; raise NotImported if it is another."""
    ids = [record.prescription_id for record in records]
    imported = ImportedRecord.objects.filter(prescription_id__in=ids)
    own = SignedRecord.objects.filter(prescription__public_id__in=ids)
    known = {
        str(prescription): digest
        for rows in (
            imported.values_list("prescription_id", "payload_digest"),
            own.values_list("prescription__public_id", "payload_digest"),
        )
        for prescription, digest in rows
    }
    for record in records:
        if known.get(str(record.prescription_id), record.payload_digest) != (
            record.payload_digest
        ):
            raise NotImported(
                f"Another prescription {record.prescription_id} is archived here."
            )
    return [one for one in records if str(one.prescription_id) not in known]
