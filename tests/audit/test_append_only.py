from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from audit import chain, checkpoints
from audit.acts import Act
from audit.models import ChainHead, Checkpoint, Event

pytestmark = [pytest.mark.cfr("1311.120(b)(26)"), pytest.mark.both_databases]

on_sqlite = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="INSERT OR REPLACE is SQLite's"
)
on_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="TRUNCATE is PostgreSQL's"
)


@pytest.fixture
def filled(five):
    checkpoints.make()
    return snapshot()


def snapshot():
    return [list(model.objects.values()) for model in (Event, ChainHead, Checkpoint)]


def refused(sql, *, saying):
    with (
        pytest.raises(DatabaseError, match=saying),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_event SET actor = 'otto'",
        "UPDATE audit_event SET hash = hash",
        "DELETE FROM audit_event",
        "DELETE FROM audit_event WHERE sequence = 5",
        "UPDATE audit_checkpoint SET events = 1",
        "DELETE FROM audit_checkpoint",
    ],
)
@pytest.mark.usefixtures("as_owner")
def test_what_is_written_stays(filled, sql):
    refused(sql, saying="is append-only")

    assert snapshot() == filled


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_chainhead SET sequence = sequence + 2",
        "UPDATE audit_chainhead SET sequence = sequence + 1, hash = 'another'",
        "UPDATE audit_chainhead SET sequence = sequence - 1",
        "UPDATE audit_chainhead SET hash = 'another'",
        "UPDATE audit_chainhead SET stream = 'another', sequence = sequence + 1",
        "DELETE FROM audit_chainhead",
    ],
)
def test_a_head_only_moves_on_to_an_event(filled, sql):
    refused(sql, saying="audit_chainhead")

    assert snapshot() == filled


def test_a_head_does_not_leap_over_events_that_are_not_there(five, nora):
    """A junk event far ahead would else stop its chain for good."""
    last = five[-1]
    Event.objects.bulk_create(
        [
            Event(
                stream=last.stream,
                sequence=last.sequence + ahead,
                at=last.at,
                actor="otto",
                act=last.act,
                outcome=last.outcome,
                detail={},
                key_id=last.key_id,
                previous_hash=previous,
                hash=f"junk {ahead}",
            )
            for ahead, previous in [(1, "another"), (9, last.hash)]
        ]
    )

    for ahead in (1, 9):
        refused(
            f"UPDATE audit_chainhead SET sequence = sequence + {ahead},"
            f" hash = 'junk {ahead}' WHERE stream = '{last.stream}'",
            saying="audit_chainhead",
        )


@on_sqlite
@pytest.mark.parametrize("table", ["audit_event", "audit_checkpoint"])
def test_a_row_cannot_be_replaced(filled, table):
    refused(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}", saying="append")

    assert snapshot() == filled


@on_sqlite
def test_a_head_cannot_be_replaced(filled):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT OR REPLACE INTO audit_chainhead (stream, sequence, hash) "
            "SELECT stream, 1, hash FROM audit_chainhead"
        )

    assert snapshot() == filled


@on_postgresql
@pytest.mark.parametrize(
    "table", ["audit_event", "audit_checkpoint", "audit_chainhead"]
)
@pytest.mark.usefixtures("as_owner")
def test_a_table_cannot_be_truncated(filled, table):
    refused(f"TRUNCATE {table}", saying="is append-only")

    assert snapshot() == filled


@pytest.mark.usefixtures("as_owner")
def test_the_orm_and_the_admin_are_refused_too(five):
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        five[0].delete()
    five[0].actor = "otto"
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        five[0].save()


def test_deleting_an_account_leaves_its_events(nora, five):
    nora.mfa_throttle.delete()
    nora.delete()

    assert Event.objects.filter(actor="nora").count() == 5


@pytest.mark.parametrize(
    ("constraint", "wrong"),
    [
        ("event_outcome_known", {"outcome": "perhaps"}),
        ("event_says_who_did_what", {"actor": ""}),
        ("event_sealed", {"key_id": ""}),
        ("event_follows_another_but_the_first", {"previous_hash": ""}),
        (
            "event_follows_another_but_the_first",
            {"stream": "user:0", "sequence": 1, "previous_hash": "another"},
        ),
        (
            "event_follows_another_but_the_first",
            {"stream": "user:0", "sequence": 0, "previous_hash": ""},
        ),
    ],
)
def test_an_event_without_its_parts_is_refused(five, constraint, wrong):
    row = Event.objects.filter(sequence=5).values().get()
    right = {"id": uuid4(), "sequence": 6}

    with pytest.raises(DatabaseError, match=constraint), transaction.atomic():
        Event.objects.create(**row | right | wrong)


@pytest.mark.parametrize(
    ("constraint", "wrong"),
    [
        ("checkpoint_sealed", {"hash": ""}),
        ("checkpoint_follows_another_but_the_first", {"previous_hash": ""}),
    ],
)
def test_a_checkpoint_without_its_parts_is_refused(five, constraint, wrong):
    checkpoints.make()
    row = Checkpoint.objects.values().get() | {"id": 2, "sequence": 2}

    with pytest.raises(DatabaseError, match=constraint), transaction.atomic():
        Checkpoint.objects.create(**row | {"previous_hash": row["hash"]} | wrong)


@pytest.mark.parametrize("wrong", [{"sequence": 1}, {"hash": "some"}])
def test_a_head_has_a_hash_from_the_first_event_on(db, wrong):
    with (
        pytest.raises(DatabaseError, match="chainhead_hash_from_first_event_on"),
        transaction.atomic(),
    ):
        ChainHead.objects.create(stream="user:0", **wrong)


def test_a_sequence_is_used_once_in_a_stream(five, tamper, nora):
    tamper("DELETE FROM audit_chainhead")

    with pytest.raises(DatabaseError, match="sequence"), transaction.atomic():
        chain.record(Act.DEVICE_RENAMED, by=nora)
