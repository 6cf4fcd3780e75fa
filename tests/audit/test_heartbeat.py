from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from audit import heartbeat
from audit.acts import Act
from audit.models import Event
from tests.threads import at_once

NOON = datetime(2026, 11, 16, 12, tzinfo=UTC)

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.mark.cfr("1311.150(a)(3)")
@pytest.mark.parametrize(
    ("minutes", "noted"),
    [
        pytest.param([0, 1, 2], [], id="every minute"),
        pytest.param([0, 15], [], id="a slow restart"),
        pytest.param([0, 16, 17], [0], id="a gap"),
        pytest.param([0, 60, 50, 61, 90], [0, 61], id="the clock goes back in between"),
    ],
)
def test_a_gap_in_the_work_goes_on_record_once(minutes, noted):
    for minute in minutes:
        with time_machine.travel(NOON + timedelta(minutes=minute), tick=False):
            heartbeat.beat()

    since = [NOON + timedelta(minutes=minute) for minute in noted]
    events = Event.objects.filter(act=Act.SERVICE_INTERRUPTED).order_by("sequence")
    assert [event.detail["since"] for event in events] == [
        at.isoformat() for at in since
    ]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_workers_that_start_at_once_find_a_gap_once():
    with time_machine.travel(NOON, tick=False):
        at_once(lambda number: heartbeat.beat(), times=4)
    with time_machine.travel(NOON + timedelta(hours=1), tick=False):
        results = at_once(lambda number: heartbeat.beat(), times=4)

    assert results == [None] * 4
    assert Event.objects.filter(act=Act.SERVICE_INTERRUPTED).count() == 1
