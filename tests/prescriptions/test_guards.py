"""What the database refuses, whoever asks (21 CFR 1311.120(b)(10), (12), (18), (19))."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from mfa.models import Challenge, ChallengeState, Purpose
from prescriptions import signer
from prescriptions.models import (
    TRANSITIONS,
    Prescription,
    SignedRecord,
    SigningKey,
    Status,
    Transmission,
)
from tests.factories import make_provider
from tests.prescriptions.factories import make_drug, make_patient, make_pharmacy, sign

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

UNMARKED = {"ready_digest": "", "ready_at": None, "ready_by": None}
DIGEST = "d" * 64


def archive(prescription, device):
    now = timezone.now()
    challenge = Challenge.objects.create(
        user=device.user,
        device=device,
        purpose=Purpose.SIGN,
        payload_digest=DIGEST,
        session_digest=DIGEST,
        state=ChallengeState.CONSUMED,
        started_at=now,
        expires_at=now + Challenge.CONSUME_WITHIN,
        answered_at=now,
        consumed_at=now,
    )
    return SignedRecord.objects.create(
        prescription=prescription,
        signer=device.user,
        device=device,
        device_nickname=device.name,
        challenge=challenge,
        key=signer.current_key(),
        content_digest=prescription.ready_digest,
        payload="{}",
        payload_digest=DIGEST,
        jws="a.b.c",
        software_version="0",
        signed_at=now,
    )


def post(prescription):
    now = timezone.now()
    return Transmission.objects.create(
        prescription=prescription,
        message_id=prescription.public_id.hex,
        xml=b"<Message/>",
        created_at=now,
        next_attempt_at=now,
        enqueued_at=now,
    )


def step(prescription, status, **values):
    Prescription.objects.filter(pk=prescription.pk).update(status=status, **values)


def needs(status, user):
    """What the check constraints want beside a status."""
    now = timezone.now()
    return {
        Status.DRAFT: UNMARKED,
        Status.DISCARDED: UNMARKED,
        Status.READY: {"ready_digest": DIGEST, "ready_at": now, "ready_by": user},
        Status.QUEUED: {"issued_on": now.date(), "signed_at": now},
        Status.FAILED: {"failure_reason": "Refused"},
    }.get(status, {})


ANSWERS = [Status.TRANSMITTED, Status.DELIVERED, Status.FAILED]
PATHS = {
    Status.DRAFT: [],
    Status.READY: [Status.READY],
    Status.QUEUED: [Status.READY, Status.QUEUED],
    Status.TRANSMITTED: [Status.READY, Status.QUEUED, Status.TRANSMITTED],
    Status.DELIVERED: [
        Status.READY,
        Status.QUEUED,
        Status.TRANSMITTED,
        Status.DELIVERED,
    ],
    Status.FAILED: [Status.READY, Status.QUEUED, Status.FAILED],
    Status.CANCELLED: [Status.READY, Status.QUEUED, Status.CANCELLED],
    Status.DISCARDED: [Status.DISCARDED],
    Status.PRINTED: [Status.PRINTED],
}


def walk(prescription, path, device):
    for status in path:
        prescription.refresh_from_db()
        if status == Status.QUEUED:
            archive(prescription, device)
            post(prescription)
        if status in ANSWERS:
            messages = Transmission.objects.filter(prescription=prescription)
            messages.update(state=status, answered_at=timezone.now())
        step(prescription, status, **needs(status, device.user))
    prescription.refresh_from_db()


def is_possible(prescription, after, device):
    """Try the step with everything it could want, and take it back."""
    try:
        with transaction.atomic():
            walk(prescription, [after], device)
            transaction.set_rollback(True)
    except IntegrityError:
        return False
    finally:
        prescription.refresh_from_db()
    return True


@pytest.mark.cfr("1311.120(b)(18)")
@pytest.mark.cfr("1311.170(d)")
@pytest.mark.parametrize("before", PATHS)
def test_exactly_the_listed_steps_are_possible(draft, phone, before):
    walk(draft, PATHS[before], phone)

    possible = {
        after
        for after in Status
        if after != before and is_possible(draft, after, phone)
    }

    assert draft.status == before
    assert possible == TRANSITIONS[before]


@pytest.mark.parametrize(
    ("path", "after"),
    [
        (PATHS[Status.QUEUED], Status.TRANSMITTED),
        (PATHS[Status.QUEUED], Status.FAILED),
        (PATHS[Status.TRANSMITTED], Status.DELIVERED),
    ],
)
def test_no_answer_is_claimed_that_the_network_did_not_give(draft, phone, path, after):
    walk(draft, path, phone)

    with pytest.raises(IntegrityError), transaction.atomic():
        step(draft, after, **needs(after, phone.user))


@pytest.mark.cfr("1311.120(b)(20)")
@pytest.mark.cfr("1311.170(d)")
def test_printed_never_leads_to_queued():
    reached, seen = {Status.PRINTED}, set()
    while reached - seen:
        seen |= reached
        reached |= set().union(*(TRANSITIONS[status] for status in reached))

    assert Status.QUEUED not in reached


@pytest.mark.cfr("1311.120(b)(18)")
@pytest.mark.cfr("1311.140(c)")
def test_the_shell_of_a_superuser_queues_nothing(ready):
    with pytest.raises(IntegrityError), transaction.atomic():
        Prescription.objects.filter(pk=ready.pk).update(status="queued")


@pytest.mark.cfr("1311.120(b)(15)")
def test_a_ready_one_is_not_signed_without_its_record(ready, phone):
    with pytest.raises(IntegrityError), transaction.atomic():
        step(ready, Status.QUEUED, **needs(Status.QUEUED, phone.user))


def test_a_signed_one_is_not_queued_without_its_message(ready, phone):
    archive(ready, phone)

    with pytest.raises(IntegrityError), transaction.atomic():
        step(ready, Status.QUEUED, **needs(Status.QUEUED, phone.user))


def test_nothing_is_signed_without_being_queued(ready, phone):
    archive(ready, phone)
    post(ready)

    with pytest.raises(IntegrityError), transaction.atomic():
        step(ready, Status.SIGNED, **needs(Status.QUEUED, phone.user))


@pytest.mark.cfr("1311.120(b)(5)")
@pytest.mark.cfr("1311.140(c)")
@pytest.mark.parametrize(
    "wrong",
    [
        {"state": ChallengeState.PASSED, "consumed_at": None},
        {"purpose": Purpose.SELECT_PRIMARY},
        {"user": "bob"},
    ],
)
def test_a_record_needs_a_challenge_its_signer_has_used(ready, phone, bob, wrong):
    now = timezone.now()
    facts = {
        "user": phone.user,
        "purpose": Purpose.SIGN,
        "state": ChallengeState.CONSUMED,
        "consumed_at": now,
    } | {key: bob if value == "bob" else value for key, value in wrong.items()}
    challenge = Challenge.objects.create(
        device=phone,
        payload_digest=DIGEST,
        session_digest=DIGEST,
        started_at=now,
        expires_at=now + Challenge.CONSUME_WITHIN,
        answered_at=now,
        **facts,
    )

    with pytest.raises(IntegrityError), transaction.atomic():
        SignedRecord.objects.create(
            prescription=ready,
            signer=phone.user,
            device=phone,
            device_nickname=phone.name,
            challenge=challenge,
            key=signer.current_key(),
            content_digest=ready.ready_digest,
            payload="{}",
            payload_digest=DIGEST,
            jws="a.b.c",
            software_version="0",
            signed_at=now,
        )


@pytest.mark.cfr("1311.120(b)(12)")
def test_only_the_owner_of_the_number_can_be_who_marked_it(draft, bob):
    with pytest.raises(IntegrityError), transaction.atomic():
        step(draft, Status.READY, **needs(Status.READY, bob))


@pytest.mark.cfr("1311.140(c)")
def test_nothing_begins_its_life_signed(draft, alice):
    draft.pk, draft.status = None, Status.QUEUED

    with pytest.raises(IntegrityError), transaction.atomic():
        draft.save(force_insert=True)


def other_values(alice):
    return {
        "practice": alice.provider.dea_registrations.get().practice_id + 1000,
        "patient": make_patient(alice.memberships.get().practice).pk,
        "prescriber": make_provider(
            "carol", practice=alice.memberships.get().practice
        ).pk,
        "prepared_by": alice.pk + 1000,
        "dea_registration": None,
        "drug": make_drug("Oxycodone hydrochloride 10 mg tablet").pk,
        "schedule": "V",
        "supervisor": make_provider(
            "dan", practice=alice.memberships.get().practice
        ).pk,
        "quantity": 31,
        "partial_fill_quantity": 10,
        "emergency_oral_on": timezone.localdate(),
        "days_supply": None,
        "refills": 1,
        "directions": "Take them all.",
        "note": "x",
        "substitutions_allowed": False,
        "pharmacy": make_pharmacy().pk,
        "earliest_fill_on": timezone.localdate(),
        "public_id": "00000000-0000-0000-0000-000000000000",
        "created_at": timezone.now(),
        "ready_digest": DIGEST,
        "ready_at": timezone.now(),
    }


FROZEN = [
    *Prescription.CONTENT,
    *["practice", "patient", "prepared_by", "schedule", "public_id", "created_at"],
    *["ready_digest", "ready_at"],
]


@pytest.mark.cfr("1311.120(b)(19)")
@pytest.mark.parametrize("column", FROZEN)
def test_no_content_changes_once_signed(queued, alice, column):
    value = other_values(alice)[column]

    with pytest.raises(IntegrityError), transaction.atomic():
        Prescription.objects.filter(pk=queued.pk).update(**{column: value})


@pytest.mark.cfr("1311.120(b)(10)")
@pytest.mark.parametrize("column", FROZEN)
def test_no_content_changes_under_a_mark(ready, alice, column):
    value = other_values(alice)[column]

    with pytest.raises(IntegrityError), transaction.atomic():
        Prescription.objects.filter(pk=ready.pk).update(**{column: value})


@pytest.mark.cfr("1311.120(b)(14)")
@pytest.mark.parametrize("column", ["signed_at", "issued_on"])
def test_the_date_of_a_signature_stays(queued, column):
    moment = timezone.now()
    value = {"signed_at": moment, "issued_on": moment.date().replace(year=2020)}

    with pytest.raises(IntegrityError), transaction.atomic():
        Prescription.objects.filter(pk=queued.pk).update(**{column: value[column]})


KEPT = [Prescription, SignedRecord, Transmission, SigningKey]


@pytest.mark.cfr("1311.305(b)")
@pytest.mark.parametrize("model", KEPT)
@pytest.mark.usefixtures("as_owner")
def test_nothing_is_deleted(queued, model):
    rows = model.objects.all()

    with pytest.raises(IntegrityError), transaction.atomic():
        rows._raw_delete(rows.db)

    assert rows.count() == 1


@pytest.mark.cfr("1311.120(b)(19)")
@pytest.mark.cfr("1311.305(a)")
@pytest.mark.parametrize(
    ("model", "values"),
    [
        (SignedRecord, {"payload": "{}"}),
        (SignedRecord, {"jws": "x"}),
        (SignedRecord, {"device_nickname": "Other"}),
        (Transmission, {"xml": b"<Message>other</Message>"}),
        (Transmission, {"message_id": "other"}),
        (SigningKey, {"kid": "other"}),
        (SigningKey, {"public_jwk": {}}),
    ],
)
@pytest.mark.usefixtures("as_owner")
def test_what_was_signed_and_sent_stays(queued, model, values):
    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.update(**values)


@pytest.mark.parametrize("end", ["delivered", "failed"])
def test_an_answered_message_is_never_sent_again(queued, end):
    Transmission.objects.update(state=end, answered_at=timezone.now())

    with pytest.raises(IntegrityError), transaction.atomic():
        Transmission.objects.update(state="waiting", answered_at=None)


@pytest.mark.cfr("1311.120(b)(18)")
def test_a_message_needs_a_signed_record(ready):
    with pytest.raises(IntegrityError), transaction.atomic():
        post(ready)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite alone replaces rows")
def test_a_row_is_not_replaced_either(ready, phone):
    sign(ready, phone)
    table = SignedRecord._meta.db_table

    with (
        pytest.raises(IntegrityError),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"  # noqa: S608
        )
