"""`verify_prescriptions` finds what somebody changed behind everything's back."""

import json

import pytest
import responses
from django.core.management import CommandError, call_command
from django.db import connection

from mfa.models import Challenge
from prescriptions import content, signer
from prescriptions.delivery import outbox
from prescriptions.models import Prescription, SignedRecord, Transmission
from prescriptions.signing import ceremony
from tests.database import as_owner
from tests.factories import code_of, make_registration
from tests.prescriptions.factories import (
    SESSION,
    make_drug,
    make_patient,
    make_pharmacy,
    make_ready,
    prove,
    sign,
)

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def tamper(db):
    """Change rows as somebody who owns the database: no trigger stands in the way."""

    def run(model, **values):
        with as_owner(), connection.cursor() as cursor:
            for statement in LIFTS[connection.vendor](cursor):
                cursor.execute(statement)
            model.objects.update(**values)

    return run


def _lift_on_sqlite(cursor):
    cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    yield from [f'DROP TRIGGER "{name}"' for (name,) in cursor.fetchall()]


def _lift_on_postgresql(cursor):
    for model in (Prescription, SignedRecord, Transmission):
        # Constraints checked at the end of a transaction would stand in the way.
        yield "SET CONSTRAINTS ALL IMMEDIATE"
        yield f"ALTER TABLE {model._meta.db_table} DISABLE TRIGGER USER"


LIFTS = {"sqlite": _lift_on_sqlite, "postgresql": _lift_on_postgresql}


@pytest.mark.cfr("1306.05(e)")
@pytest.mark.cfr("1306.08(a)")
def test_what_was_signed_verifies(queued, capsys):
    call_command("verify_prescriptions")

    assert capsys.readouterr().out == "1 signed prescriptions verified.\n"


def test_it_still_verifies_after_the_patient_moved_and_the_drug_was_renamed(queued):
    queued.patient.address_line_1 = "99 Moved Road"
    queued.patient.save()
    queued.drug.name, queued.drug.is_active = "Another description", False
    queued.drug.save()

    call_command("verify_prescriptions", verbosity=0)


@pytest.fixture
def of_format_1(monkeypatch, ready, phone):
    """A prescription that was signed before there was a format 2."""
    now = content.canonical
    new = ["supervisor", "partial_fill_quantity", "emergency_oral_on"]

    def before(prescription):
        picture = now(prescription) | {"format": 1}
        del picture["prescriber"]["institution"]
        return {name: value for name, value in picture.items() if name not in new}

    with monkeypatch.context() as then:
        then.setattr(content, "canonical", before)
        Prescription.objects.update(
            status="draft", ready_digest="", ready_at=None, ready_by=None
        )
        ready.refresh_from_db()
        ceremony.mark_ready(ready, by=phone.user)
        sign(ready, phone)
    return ready


def test_a_record_of_format_1_goes_on_verifying(of_format_1):
    assert json.loads(of_format_1.signed_record.payload)["content"]["format"] == 1

    call_command("verify_prescriptions", verbosity=0)


def test_what_format_1_did_not_know_is_not_put_in_later(of_format_1, alice, tamper):
    tamper(Prescription, supervisor=alice.provider, emergency_oral_on="2026-01-01")

    with pytest.raises(CommandError, match="signed: emergency_oral_on, supervisor"):
        call_command("verify_prescriptions")


@pytest.mark.cfr("1311.120(b)(19)")
@pytest.mark.parametrize(
    ("model", "values", "said"),
    [
        (Prescription, {"partial_fill_quantity": 5}, "signed: partial_fill_quantity."),
        (Prescription, {"quantity": 31}, "changed since it was signed: quantity."),
        (Prescription, {"refills": 0, "note": "x"}, "signed: note."),
        (Prescription, {"directions": "Take all."}, "signed: directions."),
        (Prescription, {"schedule": "V"}, "signed: schedule."),
        (SignedRecord, {"payload": "{}"}, "the signature is over other content."),
        (SignedRecord, {"jws": "a.b.c"}, "cannot be read"),
        (SignedRecord, {"payload_digest": "0" * 64}, "the digest of the record"),
        (SignedRecord, {"content_digest": "0" * 64}, "the digest of the content"),
        (SignedRecord, {"device_nickname": "Other"}, "with another device."),
        (Transmission, {"xml": b"<Message/>"}, "what was sent is not what was signed"),
    ],
)
def test_a_change_behind_our_back_is_named(queued, tamper, model, values, said):
    tamper(model, **values)

    with pytest.raises(CommandError) as problem:
        call_command("verify_prescriptions")

    assert said in str(problem.value)
    assert str(queued.public_id) in str(problem.value)
    assert problem.value.returncode == 1


def test_a_message_that_was_removed_is_missed(queued, tamper):
    tamper(SignedRecord, device_nickname="MyiPhone")
    with as_owner():
        Transmission.objects.all().delete()

    with pytest.raises(CommandError, match="its message to the pharmacy is missing"):
        call_command("verify_prescriptions")


@pytest.mark.cfr("1311.120(b)(12)")
@pytest.mark.parametrize("column", ["signer", "challenge__user", "ready_by"])
def test_another_person_on_the_record_is_named(queued, bob, tamper, column):
    model, field = {
        "signer": (SignedRecord, "signer"),
        "challenge__user": (Challenge, "user"),
        "ready_by": (Prescription, "ready_by"),
    }[column]
    tamper(model, **{field: bob})

    with pytest.raises(CommandError, match="the signer is not the practitioner"):
        call_command("verify_prescriptions")


def test_a_challenge_that_was_given_back_is_named(queued, tamper):
    tamper(Challenge, state="passed", consumed_at=None)

    with pytest.raises(CommandError, match="its challenge was never used"):
        call_command("verify_prescriptions")


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("patient", "signed: patient."),
        ("pharmacy", "signed: pharmacy."),
        ("drug", "signed: drug"),
        ("dea_registration", "signed: DEA number."),
    ],
)
def test_another_row_put_in_its_place_is_named(queued, alice, tamper, column, said):
    practice = queued.practice
    other = {
        "patient": lambda: make_patient(practice),
        "pharmacy": make_pharmacy,
        "drug": lambda: make_drug("Oxycodone hydrochloride 10 mg tablet"),
        "dea_registration": lambda: make_registration(
            alice.provider, practice=practice
        ),
    }[column]()
    tamper(Prescription, **{column: other})

    with pytest.raises(CommandError, match=said):
        call_command("verify_prescriptions")


@pytest.mark.cfr("1311.120(b)(15)")
def test_a_forged_signature_does_not_pass(queued, tamper):
    record = queued.signed_record
    payload = record.payload.replace('"30"', '"90"')
    header, _, signature = record.jws.split(".")
    forged = signer.sign(payload.encode()).split(".")[1]
    tamper(SignedRecord, payload=payload, jws=f"{header}.{forged}.{signature}")

    with pytest.raises(CommandError, match="does not match what was signed|read"):
        call_command("verify_prescriptions")


def test_a_record_that_was_removed_is_missed(queued, tamper):
    tamper(SignedRecord, device_nickname="x")
    with as_owner():
        Transmission.objects.all().delete()
        SignedRecord.objects.all().delete()

    with pytest.raises(CommandError, match="its signed record is missing"):
        call_command("verify_prescriptions")


def test_the_first_bad_one_is_named(alice, queued, phone, tamper):
    second = make_ready(alice.provider)
    challenge = prove([second], phone, code=code_of(phone, steps=1))
    ceremony.sign([second], by=alice, challenge=challenge, session_key=SESSION)
    tamper(Prescription, note="x")

    with pytest.raises(CommandError, match=str(queued.public_id)):
        call_command("verify_prescriptions")


@pytest.mark.cfr("1311.120(b)(18)")
@pytest.mark.parametrize(
    ("model", "values"),
    [
        (Transmission, {"xml": b"<forged/>"}),
        (SignedRecord, {"payload": "{}"}),
        (SignedRecord, {"jws": "a.b.c"}),
    ],
)
def test_a_message_that_was_not_signed_so_is_kept_back(queued, tamper, model, values):
    tamper(model, **values)

    with responses.RequestsMock() as network:
        outbox.attempt(queued.transmission.pk)
        assert len(network.calls) == 0

    kept = Transmission.objects.get()
    assert (kept.state, kept.last_problem[:9]) == ("waiting", "Kept back")
