"""The stop switch as people meet it."""

import pytest
from django.urls import reverse

from audit.acts import Act
from audit.models import Event
from prescriptions.models import SigningStop
from prescriptions.safeguards import stops
from providers.models import Designee
from tests.factories import PASSWORD, code_of, make_user
from tests.prescriptions.safeguards.pages import STATUS, plain, text

pytestmark = pytest.mark.django_db


def proof(user):
    device = user.mfa_devices.get(is_primary=True)
    return {"password": PASSWORD, "code": code_of(device)}


@pytest.mark.cfr("1311.302(a)")
@pytest.mark.cfr("1311.102(g)")
def test_everybody_is_told_at_once_not_to_use_it(client, steve, alice, sam, bob):
    client.force_login(steve)

    response = client.post(
        reverse("signing-stop-add"),
        {"practice": "", "reason": "It loses refills.", "fixed_in": "9.0"},
    )

    assert response.url == STATUS
    for user in [alice, sam, bob]:
        client.force_login(user)
        page = plain(client.get(reverse("prescription-list")))
        assert "Signing has stopped at every practice." in page
        assert "It loses refills. Version 9.0 is required before use." in page


def test_a_stop_of_one_practice_is_not_told_to_another(client, alice, bob, practice):
    client.force_login(alice)
    client.post(
        reverse("signing-stop-add"),
        {"practice": practice.public_id, "reason": "Strange <b>things</b>."},
    )

    assert "Strange &lt;b&gt;things&lt;/b&gt;." in text(client.get(reverse("home")))
    client.force_login(bob)
    assert "Signing has stopped" not in text(client.get(reverse("home")))


@pytest.mark.parametrize(
    "wrong",
    [
        {"reason": ""},
        {"reason": "x" * 201},
        {"fixed_in": "next"},
        {"fixed_in": "1" * 41},
        {"practice": "x"},
        {"practice": "00000000-0000-0000-0000-000000000001"},
    ],
    ids=["no reason", "long", "no version", "long version"] + ["no id", "no practice"],
)
def test_what_cannot_be_stopped_is_said_at_the_field(client, steve, wrong):
    client.force_login(steve)

    response = client.post(
        reverse("signing-stop-add"), {"reason": "Broken.", "practice": ""} | wrong
    )

    assert response.status_code == 422
    assert not SigningStop.objects.exists()


def test_a_designee_cannot_name_another_practice(client, alice, bob):
    client.force_login(alice)
    elsewhere = bob.memberships.get().practice

    response = client.post(
        reverse("signing-stop-add"),
        {"practice": elsewhere.public_id, "reason": "Out of spite."},
    )

    assert response.status_code == 422
    assert not SigningStop.objects.exists()


@pytest.mark.cfr("1311.102(i)")
def test_two_people_let_signing_go_on(client, steve, alice):
    stop = stops.stop(by=steve, practice=None, reason="Broken.")
    page, restore = (
        reverse(name, args=[stop.public_id])
        for name in ["signing-stop", "signing-restore"]
    )
    client.force_login(steve)
    assert client.post(page, {"remedy": ""}).status_code == 422
    assert client.post(page, {"remedy": "Version 9 is in."}).url == page
    assert "You entered it. A second person executes it." in text(client.get(page))
    assert client.post(restore, {"password": PASSWORD}).status_code == 422

    client.force_login(alice)
    assert "Version 9 is in." in text(client.get(restore))
    assert client.post(
        restore, {"password": "wrong", "code": "000000"}
    ).status_code == (422)
    assert SigningStop.objects.get().restored_at is None
    assert client.post(restore, proof(alice)).url == STATUS

    assert SigningStop.objects.get().restored_by == alice
    assert Event.objects.filter(act=Act.SIGNING_RESTORED).count() == 1
    assert "Signing goes on already." in text(client.get(restore))
    assert client.post(page, {"remedy": "Again."}).status_code == 422


def test_who_is_no_registrant_finds_no_form_to_restore(client, steve, practice):
    agent = make_user("agnes")
    agent.memberships.create(practice=practice, role="agent")
    Designee.objects.create(user=agent, practice=practice)
    stop = stops.stop(by=steve, practice=practice, reason="Broken.")
    stops.request_restoration(stop, by=steve, remedy="Mended.")
    client.force_login(agent)

    response = client.get(reverse("signing-restore", args=[stop.public_id]))

    assert "Only a designee who is a DEA registrant" in text(response)
    assert 'name="password"' not in text(response)


def test_nobody_is_told_to_be_ready_while_signing_has_stopped(client, alice):
    client.force_login(alice)
    assert "You are ready to sign" in text(client.get(reverse("home")))

    stops.stop(by=alice, practice=None, reason="Broken.")

    assert "You are ready to sign" not in text(client.get(reverse("home")))
