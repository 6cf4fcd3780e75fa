"""What tests are made of holds together: Peggy's two practices, thousands of rows."""

import pytest
from django.core.management import call_command

from prescriptions.models import Prescription, SignedRecord, Status, Transmission
from prescriptions.signing import ceremony
from tests.factories import code_of
from tests.prescriptions.factories import SESSION, at, make_ready, prove
from tests.prescriptions.many import make_many

pytestmark = pytest.mark.django_db


def test_peggy_signs_at_both_of_her_practices(peggy):
    first, second = [job.practice for job in peggy.memberships.order_by("pk")]
    device = peggy.mfa_devices.get(is_primary=True)

    rows = [
        make_ready(peggy.provider, **at(one, peggy.provider)) for one in (first, second)
    ]
    for step, row in enumerate(rows):
        challenge = prove([row], device, code=code_of(device, steps=step))
        ceremony.sign([row], by=peggy, challenge=challenge, session_key=SESSION)

    assert first != second
    for row, practice in zip(rows, (first, second), strict=True):
        row.refresh_from_db()
        assert (row.status, row.practice) == (Status.QUEUED, practice)


@pytest.mark.both_databases
@pytest.mark.parametrize("status", [Status.DRAFT, Status.READY, Status.QUEUED])
def test_many_prescriptions_obey_the_guards(alice, status):
    rows = make_many(alice.provider, 20, status=status)

    assert Prescription.objects.filter(status=status).count() == len(rows) == 20
    assert len({row.patient_id for row in Prescription.objects.all()}) == 20


def test_many_that_are_signed_verify(alice):
    make_many(alice.provider, 3, status=Status.QUEUED)

    call_command("verify_prescriptions")

    assert SignedRecord.objects.count() == Transmission.objects.count() == 3
