import uuid

import pytest
from django.test import Client
from django.urls import reverse

from audit import incidents
from audit.acts import Act
from audit.models import Event, IncidentKind
from mfa import devices
from tests.prescriptions.factories import make_draft, make_patient

pytestmark = pytest.mark.django_db


def denied():
    return list(Event.objects.filter(act=Act.PERMISSION_DENIED))


FOREIGN = {
    "prescription-edit": lambda bob: make_draft(bob.provider),
    "patient-edit": lambda bob: make_patient(bob.memberships.get().practice),
    "device-rename": lambda bob: bob.mfa_devices.get(is_primary=True),
    "incident-detail": lambda bob: incidents.report(IncidentKind.NOT_ME, about=bob),
}


@pytest.mark.cfr("1311.150(a)(1)")
@pytest.mark.cfr("1311.120(b)(23)")
@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("method", ["get", "post"])
def test_asking_for_what_is_anothers_goes_on_record_once(
    client, alice, bob, name, method
):
    row = FOREIGN[name](bob)
    client.force_login(alice)

    response = getattr(client, method)(reverse(name, args=[row.public_id]))

    assert response.status_code == 404
    (event,) = denied()
    assert (event.actor, event.outcome) == ("alice", "failure")
    assert event.subject == f"{row._meta.label_lower}:{row.public_id}"
    assert event.detail == {"reason": "not_visible"}


def test_what_nobody_has_and_what_is_ones_own_is_no_attempt(client, alice, phone):
    devices.retire_vanished(phone, by=alice)
    client.force_login(alice)
    paths = [
        "/nowhere/",
        reverse("device-rename", args=[phone.public_id]),
        reverse("prescription-detail", args=[uuid.uuid4()]),
        reverse("daily-report", args=["x"]),
    ]

    for path in paths:
        assert client.get(path).status_code == 404
    assert not denied()


@pytest.mark.cfr("1311.150(a)(1)")
def test_what_is_forbidden_goes_on_record_once(client, mallory):
    client.force_login(mallory)

    assert client.get(reverse("incident-list")).status_code == 403

    (event,) = denied()
    assert event.detail == {"reason": "forbidden"}


@pytest.mark.cfr("1311.150(a)(1)")
def test_a_forged_form_goes_on_record(alice):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    assert client.post(reverse("password-change"), {}).status_code == 403

    assert [event.actor for event in denied()] == ["alice"]


def test_who_has_not_signed_in_is_sent_to_the_sign_in(client, bob):
    draft = make_draft(bob.provider)

    path = reverse("prescription-detail", args=[draft.public_id])

    assert client.get(path).status_code == 302
    assert not denied()
