"""Registered now, and for that substance, to mark and to sign (21 CFR 1311.100(b)(1))."""

from datetime import timedelta

import pytest

from prescriptions.models import Prescription, SignedRecord, Status, Transmission
from prescriptions.signing import ceremony
from tests.prescriptions.factories import SESSION, make_draft, make_ready, prove

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.cfr("1311.100(b)(1)"),
    pytest.mark.cfr("1306.08(a)"),
]
WITHOUT = {
    "expired": lambda today: {"expires_on": today - timedelta(days=1)},
    "ended": lambda today: {"ended_on": today},
    "for other schedules": lambda today: {"schedules": "III,IV,V"},
}
EACH = pytest.mark.parametrize("why", WITHOUT.values(), ids=WITHOUT)


@EACH
def test_nothing_is_marked_without_a_registration_for_it(alice, practice, why):
    draft = make_draft(alice.provider)
    alice.provider.dea_registrations.update(**why(practice.today()))

    with pytest.raises(ceremony.NotSignable, match="DEA registration"):
        ceremony.mark_ready(Prescription.objects.get(pk=draft.pk), by=alice)

    draft.refresh_from_db()
    assert draft.status == Status.DRAFT


@EACH
def test_nothing_is_signed_when_the_registration_went_after_the_mark(
    alice, practice, phone, why
):
    ready = make_ready(alice.provider)
    alice.provider.dea_registrations.update(**why(practice.today()))

    with pytest.raises(ceremony.NotSignable, match="DEA registration"):
        ceremony.sign(
            [ready], by=alice, challenge=prove([ready], phone), session_key=SESSION
        )

    assert Prescription.objects.get().status == Status.READY
    assert not SignedRecord.objects.exists()
    assert not Transmission.objects.exists()


def test_what_names_no_registration_is_not_marked(alice):
    draft = make_draft(alice.provider)
    Prescription.objects.filter(pk=draft.pk).update(dea_registration=None)

    with pytest.raises(ceremony.NotSignable, match="No DEA registration is chosen"):
        ceremony.mark_ready(Prescription.objects.get(pk=draft.pk), by=alice)
