import pytest
import time_machine

from tests.prescriptions.factories import make_ready, sign
from tests.prescriptions.records.months import SEPTEMBER


@pytest.fixture
def clock():
    """Stand in September; `clock.move_to` goes on."""
    with time_machine.travel(SEPTEMBER, tick=False) as traveller:
        yield traveller


@pytest.fixture
def signed(clock, alice, phone):
    """Sign one more prescription of Alice's, a minute later each time."""

    def sign_another(**overrides):
        clock.shift(60)
        return sign(make_ready(alice.provider, **overrides), phone)

    return sign_another
