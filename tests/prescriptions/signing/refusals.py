"""Refusals to sign."""

import pytest

from audit.acts import Act, Outcome
from audit.models import Event
from mfa import refusals
from prescriptions.models import Prescription, SignedRecord, Transmission
from prescriptions.signing import ceremony
from tests.prescriptions.factories import SESSION


def refused(prescriptions, challenge, *, by, session_key=SESSION):
    """Expect a refusal that changes nothing, and return its text."""
    before = list(Prescription.objects.order_by("pk").values())
    with pytest.raises((ceremony.NotSignable, refusals.NotProven)) as refusal:
        ceremony.sign(
            prescriptions, by=by, challenge=challenge, session_key=session_key
        )
    assert list(Prescription.objects.order_by("pk").values()) == before
    assert not SignedRecord.objects.exists()
    assert not Transmission.objects.exists()
    newest = Event.objects.filter(outcome=Outcome.FAILURE).latest("at")
    assert newest.act in (Act.SIGNING_REFUSED, Act.SIGNING_BLOCKED)
    assert newest.actor == by.get_username()
    return str(refusal.value)
