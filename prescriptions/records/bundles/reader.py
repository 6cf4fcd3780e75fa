"""Import the records of another portal into the archive: all of them or none.

21 CFR 1311.305(e)-(h): they stay readable, keep their signatures, and verify here.
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
# What a record in another form than ours can raise.
UNFIT: tuple[type[Exception], ...] = (*verify.UNREADABLE, DataError, IntegrityError)


class NotImported(Exception):
    """Nothing was imported; the message says why."""


@dataclass(frozen=True)
class Imported:
    """How many prescriptions were new here, and how many were archived before."""

    new: int
    known: int


def import_bundle(path: Path, *, practice: Practice, thumbprint: str) -> Imported:
    """Verify a bundle and archive its records once, however often it is called.

    `thumbprint` names the key that must have sealed it, known from elsewhere. Raise
    NotImported, and record why.
    """
    try:
        return _verify_and_import(path, practice=practice, thumbprint=thumbprint)
    except NotImported as refusal:
        chain.record(
            Act.RECORDS_IMPORTED,
            by=None,
            of=practice,
            outcome=Outcome.FAILURE,
            problem=str(refusal),
        )
        raise


def _verify_and_import(path: Path, *, practice: Practice, thumbprint: str) -> Imported:
    try:
        report = verify.check(path, thumbprints=[thumbprint])
        if report.problems:
            raise NotImported(f"It does not verify. {report.problems[0]}.")
        with contextlib.closing(verify.open_bundle(path)) as source:
            return _import(_Reader(source, report), practice=practice)
    except UNFIT as error:  # which may quote a patient's data
        raise NotImported(
            f"What it holds cannot be archived here ({type(error).__name__})."
        ) from error


def _import(reader: "_Reader", *, practice: Practice) -> Imported:
    """Archive every record of a verified bundle that is not archived yet, or none."""
    new, folders = 0, reader.report.records
    with transaction.atomic(durable=True):
        bundle = reader.bundle(practice)
        for start in range(0, len(folders), AT_ONCE):
            chunk = folders[start : start + AT_ONCE]
            new += _archive([reader.record(folder, bundle) for folder in chunk])
        chain.record(
            Act.RECORDS_IMPORTED,
            by=None,
            of=bundle,
            digest=bundle.manifest_digest,
            key_id=reader.report.sealed_with,
            prescriptions=new,
        )
    return Imported(new=new, known=len(folders) - new)


class _Reader:
    """Reads a verified bundle, and refuses files that were changed since."""

    def __init__(self, source: verify.Source, report: verify.Report) -> None:
        self.source, self.report = source, report
        keys = json.loads(self.read(verify.KEYS))["keys"]
        self.keys = {key["kid"]: key for key in keys}

    def read(self, name: str) -> bytes:
        """Return a file as it was verified; raise NotImported if it was changed."""
        with self.source.open(name) as file:
            data = file.read()
        if hashlib.sha256(data).hexdigest() != self.report.digests[name]:
            raise NotImported(f"{name} was changed while it was read.")
        return data

    def bundle(self, practice: Practice) -> ImportedBundle:
        """Return the row of this bundle, made if it is the first import."""
        seal = self.report.seal
        with self.source.open(verify.SEAL) as file:
            text = file.read().decode("ascii")
        bundle, _ = ImportedBundle.objects.get_or_create(
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
        return bundle

    def record(self, folder: str, bundle: ImportedBundle) -> ImportedRecord:
        """Return the unsaved record of a prescription's folder."""
        payload = self.read(f"{folder}/payload.json")
        signed = json.loads(payload)
        return ImportedRecord(
            bundle=bundle,
            practice=bundle.practice,
            payload=payload.decode(),
            payload_digest=hashlib.sha256(payload).hexdigest(),
            jws=self.read(f"{folder}/signature.jws").decode("ascii"),
            key=self.keys[signed["key_id"]],
            xml=self.optional(f"{folder}/message.xml"),
            events=(self.optional(f"{folder}/events.jsonl") or b"").decode(),
            **_search_fields(signed["content"]),
        )

    def optional(self, name: str) -> bytes | None:
        return self.read(name) if name in self.report.digests else None


def _search_fields(signed_content: dict) -> dict[str, object]:
    """Return the columns by which a record is listed and found."""
    patient, person = signed_content["patient"], signed_content["prescriber"]
    number = uuid.UUID(signed_content["prescription"])
    if str(number) != signed_content["prescription"]:
        raise ValueError("a number written in another way")
    return {
        "prescription_id": number,
        "patient_name": f"{patient['first_name']} {patient['last_name']}"[:80],
        "date_of_birth": date.fromisoformat(patient["date_of_birth"]),
        "drug": signed_content["drug"]["name"][:200],
        "schedule": signed_content["drug"]["schedule"],
        "prescriber": f"{person['first_name']} {person['last_name']}"[:100],
        "dea_number": person["dea_number"],
        "issued_on": date.fromisoformat(signed_content["issued_on"]),
    }


def _archive(records: list[ImportedRecord]) -> int:
    """Archive the records that are new here; return how many."""
    unknown = _unknown(records)
    ImportedRecord.objects.bulk_create(unknown)
    return len(unknown)


def _unknown(records: list[ImportedRecord]) -> list[ImportedRecord]:
    """Return the records that are new; raise NotImported if an archived one differs."""
    archived = _archived_digests([record.prescription_id for record in records])
    for record in records:
        digest = archived.get(str(record.prescription_id), record.payload_digest)
        if digest != record.payload_digest:
            raise NotImported(
                f"Another prescription {record.prescription_id} is archived here."
            )
    return [record for record in records if str(record.prescription_id) not in archived]


def _archived_digests(ids: list[uuid.UUID]) -> dict[str, str]:
    """Return the payload digests of these prescriptions, by public id."""
    imported = ImportedRecord.objects.filter(prescription_id__in=ids)
    own = SignedRecord.objects.filter(prescription__public_id__in=ids)
    return {
        str(prescription): digest
        for rows in (
            imported.values_list("prescription_id", "payload_digest"),
            own.values_list("prescription__public_id", "payload_digest"),
        )
        for prescription, digest in rows
    }
