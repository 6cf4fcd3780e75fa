"""Random people do random things; whatever they try, what must hold goes on holding."""

import os
from collections import Counter
from random import Random

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from prescriptions.models import Status
from tests.prescriptions.machine import invariants
from tests.prescriptions.machine.portal import ACTS, walking

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

STEPS = 80  # of each walk; RANDOM_WALKS=2000 in the environment looks for longer
USUAL_WALKS = {"sqlite": 25, "postgresql": 6}[connection.vendor]
WALKS = int(os.environ.get("RANDOM_WALKS", USUAL_WALKS))
TO_BE_REACHED = {
    Status.DRAFT,
    Status.READY,
    Status.DISCARDED,
    Status.QUEUED,
    Status.TRANSMITTED,
    Status.DELIVERED,
    Status.FAILED,
    Status.CANCELLED,
    Status.PRINTED,
}
reached: Counter = Counter()


@pytest.mark.cfr("1311.120(b)(10)")
@pytest.mark.cfr("1311.120(b)(12)")
@pytest.mark.cfr("1311.120(b)(15)")
@pytest.mark.cfr("1311.120(b)(18)")
@pytest.mark.cfr("1311.120(b)(19)")
@pytest.mark.cfr("1311.120(b)(20)")
@pytest.mark.cfr("1311.140(c)")
@pytest.mark.cfr("1311.170(d)")
@pytest.mark.cfr("1311.170(e)")
def test_no_sequence_of_acts_breaks_what_must_always_hold():
    reached.clear()

    walk_about()

    if connection.vendor == "sqlite":  # the shorter way on PostgreSQL misses some
        assert set(reached) >= TO_BE_REACHED, "the walks went too few ways"


@settings(
    max_examples=WALKS,
    derandomize=WALKS == USUAL_WALKS,
    phases=[Phase.generate],  # a seed does not shrink; it replays
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(seed=st.integers(min_value=0, max_value=2**32))
def walk_about(seed):
    """Take one long walk in a transaction of its own, and look around at each step."""
    with walking(Random(seed)) as portal:
        for step in range(STEPS):
            act = portal.random.choices(list(ACTS), weights=ACTS.values())[0]
            note(act.__name__)
            act(portal)
            portal.a_moment_passes()
            look_around(portal)
            if step % 10 == 9:
                look_closely()
        reached.update(portal.statuses())


def look_around(portal):
    invariants.the_signer_is_the_owner_of_the_number_and_of_the_mark()
    invariants.no_challenge_is_used_for_two_ceremonies()
    invariants.what_is_on_paper_or_taken_back_is_not_sent()
    invariants.every_transition_has_exactly_one_event()
    invariants.nobody_sees_another_practice(portal.people.values())


def look_closely():
    """Verify every signature and message again, which takes longer."""
    invariants.nothing_is_queued_without_a_signature_and_a_used_challenge()
    invariants.what_was_sent_is_what_was_archived()
