"""Thousands of prescriptions in seconds, as the guards of the database allow them."""

from copy import copy
from uuid import uuid4

from django.utils import timezone

from mfa.models import Purpose
from prescriptions import content, signer
from prescriptions.models import Patient, Prescription, Status
from prescriptions.signing import archive
from tests.factories import make_consumed_challenge
from tests.prescriptions import factories

BATCH = 500
STEPS = (Status.DRAFT, Status.READY, Status.QUEUED)


def make_many(provider, count, *, status=Status.DRAFT, **overrides):
    """Return prescriptions of one provider, each for a patient of its own.

    They are like one that the verbs make, but leave no events in the record. Queued
    ones are signed, archived and written as messages one by one.
    """
    pattern = factories.make_draft(provider, **overrides)
    rows = [pattern, *_drafts_like(pattern, count - 1)]
    if status in STEPS[1:]:
        _mark_ready(rows, by=provider.user)
    if status == Status.QUEUED:
        _sign(rows, by=provider.user)
    return rows


def _drafts_like(pattern, count):
    patients = [_new(pattern.patient, last_name=f"Patient {n}") for n in range(count)]
    Patient.objects.bulk_create(patients, batch_size=BATCH)
    drafts = [_new(pattern, patient=patient) for patient in patients]
    return Prescription.objects.bulk_create(drafts, batch_size=BATCH)


def _new(row, **changes):
    """Return an unsaved copy of a row with an identity of its own."""
    new = copy(row)
    new._state = copy(row._state)
    new._state.adding, new._state.fields_cache = True, row._state.fields_cache.copy()
    new.pk, new.public_id = None, uuid4()
    for name, value in changes.items():
        setattr(new, name, value)
    return new


def _mark_ready(rows, *, by):
    for row in rows:
        row.status, row.ready_by, row.ready_at = Status.READY, by, timezone.now()
        row.ready_digest = content.digest(row)
    marks = ["status", "ready_by", "ready_at", "ready_digest"]
    Prescription.objects.bulk_update(rows, marks, batch_size=BATCH)


def _sign(rows, *, by):
    key = signer.open_key()
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        challenge = make_consumed_challenge(
            by, payload_digest=content.payload_digest(batch), purpose=Purpose.SIGN
        )
        archive.sign_and_queue(batch, by=by, challenge=challenge, key=key)
