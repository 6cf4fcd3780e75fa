"""What must never be false of a row, each broken alone."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from prescriptions.models import (
    Drug,
    Patient,
    Pharmacy,
    Prescription,
    SignedRecord,
    SigningKey,
    Transmission,
)

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def refuses(model, **values):
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        model.objects.update(**values)
    return str(error.value)


@pytest.mark.parametrize(
    ("constraint", "values"),
    [
        ("prescription_status_known", {"status": "sent"}),
        ("prescription_schedule_known", {"schedule": "I"}),
        ("prescription_quantity_positive", {"quantity": 0}),
        ("prescription_partial_fill_positive", {"partial_fill_quantity": 0}),
        ("prescription_days_supply_positive", {"days_supply": 0}),
        ("prescription_refills_countable", {"refills": 100}),
        ("prescription_digest_kept_from_ready_on", {"ready_digest": "d" * 64}),
        ("prescription_dated_when_signed", {"issued_on": timezone.localdate()}),
    ],
)
def test_a_draft_is_a_draft(draft, constraint, values):
    assert refuses(Prescription, **values)


@pytest.mark.cfr("1306.11(d)")
@pytest.mark.cfr("1306.13(b)")
@pytest.mark.parametrize(
    "values", [{"partial_fill_quantity": 10}, {"emergency_oral_on": "2026-11-20"}]
)
def test_no_mark_on_what_is_for_schedule_ii_alone(draft, alice, values):
    Prescription.objects.update(schedule="III", **values)

    error = refuses(
        Prescription,
        status="ready",
        ready_digest="d" * 64,
        ready_at=timezone.now(),
        ready_by=alice,
    )
    assert "prescription_emergency_and_partial_fill_of_schedule_ii" in error


@pytest.mark.cfr("1306.12(a)")
@pytest.mark.cfr("1306.22(a)")
@pytest.mark.parametrize(
    ("schedule", "refills"), [("II", 1), ("III", 6), ("IV", 6), ("IV", 99)]
)
def test_no_mark_on_more_refills_than_the_schedule_has(draft, alice, schedule, refills):
    Prescription.objects.update(schedule=schedule, refills=refills)

    error = refuses(
        Prescription,
        status="ready",
        ready_digest="d" * 64,
        ready_at=timezone.now(),
        ready_by=alice,
    )

    assert "prescription_refills_within_schedule" in error


def test_a_mark_needs_a_registration(draft, alice):
    Prescription.objects.update(dea_registration=None)

    assert refuses(
        Prescription,
        status="ready",
        ready_digest="d" * 64,
        ready_at=timezone.now(),
        ready_by=alice,
    )


def test_a_failure_has_a_reason(queued):
    Transmission.objects.update(state="failed")

    assert "prescription_failure_has_a_reason" in refuses(Prescription, status="failed")


@pytest.mark.parametrize(
    ("model", "constraint", "values"),
    [
        (Patient, "patient_sex_known", {"sex": "X"}),
        (Patient, "patient_named", {"last_name": ""}),
        (Drug, "drug_schedule_known", {"schedule": "I"}),
        (Drug, "drug_described", {"form": ""}),
        (Transmission, "transmission_state_known", {"state": "gone"}),
        (Transmission, "transmission_leased_while_sending", {"state": "sending"}),
        (Transmission, "transmission_answered_once_accepted", {"state": "delivered"}),
        (
            SigningKey,
            "signing_key_retired_after_it_was_activated",
            {"retired_at": timezone.now() - timedelta(days=1)},
        ),
    ],
)
def test_rows_around_it_are_whole(queued, model, constraint, values):
    assert constraint in refuses(model, **values)


def test_a_record_is_complete(queued):
    record = SignedRecord.objects.get()
    record.pk, record.jws = None, ""

    with pytest.raises(IntegrityError), transaction.atomic():
        record.save(force_insert=True)


@pytest.mark.cfr("1311.170(e)")
@pytest.mark.parametrize(
    ("model", "field", "value"),
    [
        (Patient, "first_name", "x" * 36),
        (Patient, "first_name", "Pat\x00"),
        (Patient, "address_line_1", "x" * 41),
        (Patient, "state", "ny"),
        (Patient, "postal_code", "1220"),
        (Patient, "phone", "(518) 555-0100"),
        (Pharmacy, "ncpdp_id", "123456"),
        (Pharmacy, "npi", "1234567890"),
        (Pharmacy, "name", "x" * 71),
        (Drug, "name", "x" * 106),
        (Drug, "ndc", "1234-5678-90"),
        (Drug, "unit_code", "tablet"),
        (Prescription, "directions", "x" * 1001),
        (Prescription, "directions", "Take\x07one"),
        (Prescription, "note", "x" * 211),
        (Prescription, "quantity", "0"),
        (Prescription, "quantity", "1.0001"),
        (Prescription, "quantity", "1234567"),
    ],
)
def test_what_does_not_fit_is_refused_at_entry(draft, model, field, value):
    row = model.objects.get()
    setattr(row, field, value)

    with pytest.raises(ValidationError) as error:
        row.full_clean()

    assert field in error.value.message_dict
