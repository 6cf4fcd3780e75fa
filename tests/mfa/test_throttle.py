from datetime import timedelta

import pytest
from django.utils import timezone

from mfa import throttle
from mfa.models import UserThrottle


@pytest.fixture
def row(mallory):
    return UserThrottle.objects.filter(user=mallory)


def test_the_delay_grows_up_to_an_hour():
    delays = [throttle.delay_after(failures).seconds for failures in range(12)]

    assert delays == [0, 0, 0, 30, 60, 120, 300, 900, 1800, 3600, 3600, 3600]


@pytest.mark.both_databases
def test_the_third_failure_locks_and_says_until_when(row):
    now = timezone.now()

    reserved = [throttle.reserve(row, now=now) for _ in range(4)]

    assert [bool(one) for one in reserved] == [True, True, True, False]
    assert row.get().locked_until == now + timedelta(seconds=30)


def test_an_attempt_during_the_lock_neither_counts_nor_extends(row):
    now = timezone.now()
    for _ in range(3):
        throttle.reserve(row, now=now)
    before = row.values().get()

    assert throttle.reserve(row, now=now + timedelta(seconds=29)) is None
    assert row.values().get() == before


def test_the_first_failure_after_a_lock_locks_longer(row):
    now = timezone.now()
    for _ in range(3):
        throttle.reserve(row, now=now)

    throttle.reserve(row, now=now + timedelta(seconds=30))

    assert row.get().locked_until == now + timedelta(seconds=90)


@pytest.mark.both_databases
def test_success_takes_back_only_its_own_reservation(row):
    now = timezone.now()
    throttle.reserve(row, now=now)
    mine = throttle.reserve(row, now=now)
    throttle.reserve(row, now=now)

    throttle.succeed(mine)

    assert row.get().throttling_failure_count == 2
    assert row.get().locked_until == now + timedelta(seconds=30)


@pytest.mark.both_databases
def test_success_lifts_the_lock_that_its_own_reservation_brought(row):
    now = timezone.now()
    for _ in range(2):
        throttle.reserve(row, now=now)
    mine = throttle.reserve(row, now=now)

    throttle.succeed(mine)

    assert row.get().locked_until is None
    assert row.get().throttling_failure_count == 2
    assert row.get().failures_since_success == 0


def test_a_quiet_day_brings_the_free_attempts_back(row):
    now = timezone.now()
    for _ in range(3):
        throttle.reserve(row, now=now)

    throttle.reserve(row, now=now + timedelta(hours=25))

    assert row.get().throttling_failure_count == 1
    assert row.get().locked_until is None


def test_a_typo_a_day_with_successes_between_is_forgotten(row):
    start = timezone.now()

    for day in range(12):
        morning = start + timedelta(days=day, hours=day % 2)
        throttle.reserve(row, now=morning)
        success = throttle.reserve(row, now=morning + timedelta(seconds=10))
        throttle.succeed(success)
        for hour in (4, 8):
            later = throttle.reserve(row, now=morning + timedelta(hours=hour))
            throttle.succeed(later)

    assert row.get().throttling_failure_count <= 2
    assert row.get().locked_until is None
