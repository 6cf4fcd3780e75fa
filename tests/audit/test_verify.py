"""Somebody who owns the database, but not the key, changes the record."""

import pytest
from django.db import connection

from audit import chain
from audit.acts import Act
from audit.models import Event
from audit.verification import RecordBroken, verify

pytestmark = pytest.mark.both_databases

on_sqlite = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="PostgreSQL holds columns to their types"
)


def test_a_record_left_alone_is_whole(five, otto):
    chain.record(Act.SIGN_IN_SUCCEEDED, by=otto)
    chain.record(Act.SIGN_IN_FAILED, by=None)

    report = verify()

    assert (report.streams, report.events) == (3, 7)
    assert chain.check_health() == []


def test_an_empty_record_is_whole(db):
    assert verify().events == 0
    assert chain.check_health() == []


@pytest.mark.cfr("1311.120(b)(26)")
@pytest.mark.parametrize(
    "change",
    [
        "actor = 'otto'",
        "act = 'device.added'",
        "outcome = 'failure'",
        "subject = 'mfa.device:1'",
        'detail = \'{"nickname": "Phone 4"}\'',
        "address = '192.0.2.1'",
        "request_id = 'r'",
        "hash = previous_hash",
        "at = '2026-01-01 00:00:00+00'",
    ],
)
def test_a_changed_event_is_named(five, tamper, change):
    tamper(f"UPDATE audit_event SET {change} WHERE sequence = 3")

    broken = first_bad_row()

    assert (broken.sequence, broken.pk) == (3, five[2].pk)
    assert broken.what == "hash: this event is not as it was written"


@pytest.mark.cfr("1311.120(b)(26)")
@pytest.mark.parametrize("sequence", range(1, 6))
def test_one_changed_byte_is_named_wherever_it_is(five, tamper, sequence):
    tamper("UPDATE audit_event SET actor = 'norb' WHERE sequence = %s", [sequence])

    assert first_bad_row().sequence == sequence


def test_a_key_id_that_is_not_ours_is_named(five, tamper):
    tamper("UPDATE audit_event SET key_id = 'b9' WHERE sequence = 3")

    assert first_bad_row().what == "key: AUDIT_KEYS holds no key 'b9'"


@pytest.mark.cfr("1311.120(b)(26)")
def test_an_event_removed_from_the_middle_is_named(five, tamper):
    tamper("DELETE FROM audit_event WHERE sequence = 3")

    broken = first_bad_row()

    assert broken.sequence == 3
    assert broken.what == "gap: events are missing before this one"


def test_an_event_removed_and_the_rest_moved_up_is_named(five, tamper):
    tamper("DELETE FROM audit_event WHERE sequence = 3")
    for sequence in (4, 5):
        tamper(
            "UPDATE audit_event SET sequence = %s WHERE sequence = %s",
            [sequence - 1, sequence],
        )

    broken = first_bad_row()

    assert (broken.sequence, broken.pk) == (3, five[3].pk)
    assert broken.what == "order: this does not follow the event before it"


def test_two_events_that_changed_places_are_named(five, tamper):
    for old, new in ((2, 9), (3, 2), (9, 3)):
        tamper("UPDATE audit_event SET sequence = %s WHERE sequence = %s", [new, old])

    broken = first_bad_row()

    assert (broken.sequence, broken.pk) == (2, five[2].pk)


def test_swapped_contents_are_named(five, tamper):
    """The links stay as they were; what the events say changes places."""
    for sequence, other in ((2, 3), (3, 2)):
        tamper(
            "UPDATE audit_event SET detail = %s WHERE sequence = %s",
            [f'{{"nickname": "Phone {other}"}}', sequence],
        )

    assert first_bad_row().sequence == 2


def test_an_event_put_in_at_the_end_is_named(five):
    put_in(five[4], sequence=6, previous_hash=five[4].hash)

    assert first_bad_row().sequence == 6


def test_an_event_put_in_before_the_others_is_named(five, tamper):
    for sequence in (5, 4, 3, 2):
        tamper(
            "UPDATE audit_event SET sequence = %s WHERE sequence = %s",
            [sequence + 1, sequence],
        )
    put_in(five[0], sequence=2, previous_hash=five[0].hash)

    assert first_bad_row().sequence == 2


def test_a_chain_put_in_without_a_head_is_named(five):
    put_in(five[0], stream="user:0")

    broken = first_bad_row()

    assert (broken.stream, broken.sequence) == ("user:0", 1)
    assert "lost its head" in broken.what
    assert chain.check_health() == ["user:0: the head of this chain is missing."]


def test_a_lost_head_is_named(five, tamper, nora):
    tamper("DELETE FROM audit_chainhead")

    assert "lost its head" in first_bad_row().what
    assert "head of this chain is missing" in chain.check_health(by=nora)[0]


@pytest.mark.cfr("1311.120(b)(26)")
@pytest.mark.parametrize("cut", [1, 2, 5])
def test_a_tail_that_was_cut_is_named(five, tamper, nora, cut):
    tamper("DELETE FROM audit_event WHERE sequence > %s", [5 - cut])

    broken = first_bad_row()

    assert (broken.stream, broken.sequence) == (f"user:{nora.pk}", 6 - cut)
    assert broken.what == "tail cut: the head of this chain is at 5"
    assert chain.check_health(by=nora)


@pytest.mark.parametrize("change", ["sequence = 4", "hash = 'another'"])
def test_a_head_that_was_moved_is_named(five, tamper, change):
    tamper(f"UPDATE audit_chainhead SET {change}")

    assert first_bad_row().what.startswith("head differs")
    assert "not the one its head names" in chain.check_health()[0]


@pytest.mark.cfr("1311.120(b)(26)")
def test_a_rewritten_tail_does_not_verify_without_the_key(five, tamper):
    tamper("UPDATE audit_event SET actor = 'otto', hash = 'forged' WHERE sequence = 5")
    tamper("UPDATE audit_chainhead SET hash = 'forged'")

    assert first_bad_row().sequence == 5
    assert "was changed" in chain.check_health()[0]


@on_sqlite
@pytest.mark.parametrize(
    "change",
    [
        "actor = CAST(x'6eff' AS TEXT)",
        "actor = x'6e'",
        "at = 'noon'",
        "at = '2026-13-01 00:00:00'",
        "detail = '{'",
        "detail = '{\"reason\": 1e999}'",
        "id = 'no uuid'",
        "hash = x'ff'",
    ],
)
def test_an_event_that_cannot_be_read_any_more_is_named(five, tamper, change):
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA ignore_check_constraints = ON")
    tamper(f"UPDATE audit_event SET {change} WHERE sequence = 5")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA ignore_check_constraints = OFF")

    broken = first_bad_row()

    assert broken.sequence == 5
    assert broken.what.startswith("hash: this event")
    assert chain.check_health()


def put_in(event, **changes):
    row = Event.objects.filter(pk=event.pk).values().get()
    row["id"] = Event._meta.pk.get_default()
    Event.objects.create(**row | changes)


def first_bad_row():
    with pytest.raises(RecordBroken) as caught:
        verify()
    return caught.value
