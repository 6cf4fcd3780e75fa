import pytest
from django.db import transaction

from audit import chain, checkpoints
from audit.acts import Act
from audit.models import Event
from audit.verification import verify
from tests.threads import at_once

WRITERS, ROWS = 20, 50

pytestmark = [
    pytest.mark.race,
    pytest.mark.django_db(transaction=True),
    pytest.mark.both_databases,
]


def write(writer, *, stream):
    for row in range(ROWS):
        with transaction.atomic():
            chain.record(
                Act.CHALLENGE_REFUSED,
                by=None,
                stream=stream,
                attempts=writer * ROWS + row,
            )


def test_parallel_writers_of_one_stream_leave_one_whole_chain():
    results = at_once(lambda writer: write(writer, stream="user:1"), times=WRITERS)

    assert results == [None] * WRITERS
    report = verify()
    assert (report.streams, report.events) == (1, WRITERS * ROWS)
    assert written() == set(range(WRITERS * ROWS))


def test_parallel_writers_of_several_streams_leave_whole_chains():
    results = at_once(
        lambda writer: write(writer, stream=f"user:{writer % 4}"), times=WRITERS
    )

    assert results == [None] * WRITERS
    report = verify()
    assert (report.streams, report.events) == (4, WRITERS * ROWS)
    assert written() == set(range(WRITERS * ROWS))


def test_the_record_verifies_while_others_write():
    def act(number):
        if number:
            return write(number, stream=f"user:{number % 2}")
        return [(verify().streams <= 2, chain.check_health()) for _ in range(20)]

    verified, *results = at_once(act, times=5)

    assert verified == [(True, [])] * 20
    assert results == [None] * 4


def test_checkpoints_made_at_once_follow_each_other():
    write(0, stream="user:1")

    made = at_once(lambda number: checkpoints.make().sequence, times=5)

    assert sorted(made) == [1, 2, 3, 4, 5]
    assert verify().checkpoints == 5


def written():
    return {
        detail["attempts"] for detail in Event.objects.values_list("detail", flat=True)
    }
