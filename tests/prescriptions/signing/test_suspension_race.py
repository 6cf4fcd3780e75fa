"""A signature and the end of the right to sign at the same moment: one comes first."""

import pytest

from mfa import refusals
from mfa.models import Device
from prescriptions.models import SignedRecord
from prescriptions.signing import ceremony
from providers import access_managers
from providers.access import access_requests, suspension
from providers.models import Cause, Suspension
from tests.factories import make_device, make_ready_provider
from tests.prescriptions.factories import SESSION, make_ready, prove
from tests.threads import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


@pytest.fixture
def alice(practice):
    return make_ready_provider("alice", practice=practice)


def enter_the_end(alice, practice):
    return access_requests.request_revocation(
        alice.provider,
        practice=practice,
        by=access_managers.of(practice).get(provider=None),
        reason="Leaves the practice.",
    )


def report_the_loss(alice, practice):
    lost = Device.objects.get(user=alice, is_primary=False)
    return suspension.report_device(lost, by=alice, cause=Cause.LOST)


@pytest.mark.cfr("1311.125(d)")
@pytest.mark.parametrize("attempt", range(3))
@pytest.mark.parametrize("stop", [enter_the_end, report_the_loss])
def test_nothing_is_signed_after_the_right_was_suspended(
    alice, practice, stop, attempt
):
    make_device(alice, name="Lost phone")
    ready = make_ready(alice.provider)
    challenge = prove([ready], alice.mfa_devices.get(is_primary=True))
    acts = [
        lambda: ceremony.sign(
            [ready], by=alice, challenge=challenge, session_key=SESSION
        ),
        lambda: stop(alice, practice),
    ]

    results = at_once(lambda number: acts[number](), times=2)

    assert not isinstance(results[1], Exception)
    stopped = Suspension.objects.get()
    record = SignedRecord.objects.first()
    if record is None:
        assert isinstance(results[0], ceremony.NotSignable | refusals.NotProven)
    else:
        assert record.signed_at <= stopped.at
