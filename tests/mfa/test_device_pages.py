"""Steps 5 and 6 of the article, and the note about nicknames, over HTTP."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from audit.acts import Act
from audit.models import Event
from mfa.models import Device, Kind
from tests.factories import PASSWORD, code_of, make_device

pytestmark = pytest.mark.django_db


def url(name, device):
    return reverse(name, args=[device.public_id])


@pytest.fixture
def tablet(alice):
    return make_device(alice, name="OfficeiPad")


def test_a_nickname_can_be_changed(as_alice, phone):
    as_alice.post(url("device-rename", phone), {"nickname": "  My   iPhone 17 "})

    phone.refresh_from_db()
    assert phone.name == "My iPhone 17"
    assert Event.objects.filter(act=Act.DEVICE_RENAMED).count() == 1


@pytest.mark.parametrize("nickname", ["officeipad", "", "   ", "n" * 65])
def test_a_bad_nickname_is_refused_at_the_field(as_alice, phone, tablet, nickname):
    response = as_alice.post(url("device-rename", phone), {"nickname": nickname})

    assert response.status_code == 422
    assert response.context["form"].errors["nickname"]
    phone.refresh_from_db()
    assert phone.name == "MyiPhone"


@pytest.mark.parametrize("nickname", ["default", "primary", "backup", "<b>x</b>"])
def test_a_nickname_means_nothing_to_security(as_alice, phone, tablet, nickname):
    as_alice.post(url("device-rename", tablet), {"nickname": nickname})

    assert Device.objects.get(is_primary=True, user=phone.user) == phone


def test_a_device_is_selected_as_primary_with_its_own_code(as_alice, phone, tablet):
    response = as_alice.post(
        url("device-primary", tablet), {"password": PASSWORD, "code": code_of(tablet)}
    )

    assert response.url == reverse("erx-info")
    assert Device.objects.get(user=phone.user, is_primary=True) == tablet


def test_the_old_primary_does_not_select_another(as_alice, phone, tablet):
    response = as_alice.post(
        url("device-primary", tablet), {"password": PASSWORD, "code": code_of(phone)}
    )

    assert response.status_code == 422
    assert "MyiPhone" in response.context["form"].errors["code"][0]
    assert Device.objects.get(user=phone.user, is_primary=True) == phone


@pytest.mark.cfr("1311.115(b)")
def test_a_text_message_can_never_be_primary(as_alice, alice, phone):
    text = make_device(alice, name="Text", kind="text", source="idme")

    response = as_alice.post(
        url("device-primary", text), {"password": PASSWORD, "code": "123456"}
    )

    assert response.url == reverse("erx-info")
    assert Device.objects.get(user=alice, is_primary=True) == phone


def test_removing_the_primary_names_its_successor(as_alice, phone, tablet):
    data = {"password": PASSWORD, "device": str(tablet.public_id)}
    refused = as_alice.post(
        url("device-retire", phone), data | {"code": code_of(tablet, steps=-1)}
    )

    assert refused.status_code == 422
    assert "takes over" in str(refused.context["form"].errors)

    as_alice.post(
        url("device-retire", phone),
        data | {"code": code_of(tablet), "new_primary": str(tablet.public_id)},
    )

    phone.refresh_from_db()
    tablet.refresh_from_db()
    assert phone.retired_at
    assert tablet.is_primary


def test_removing_the_last_device_says_that_signing_stops(as_alice, phone):
    page = as_alice.get(url("device-retire", phone))

    assert "only device" in page.content.decode()
    as_alice.post(
        url("device-retire", phone), {"password": PASSWORD, "code": code_of(phone)}
    )
    phone.refresh_from_db()
    assert phone.retired_at
    assert not phone.is_primary


def test_nobody_touches_or_finds_a_device_of_somebody_else(as_alice, bob):
    device = bob.mfa_devices.get()

    for name in ["device-rename", "device-primary", "device-retire"]:
        assert as_alice.get(url(name, device)).status_code == 404
        assert as_alice.post(url(name, device), {"nickname": "x"}).status_code == 404


def test_devices_are_told_apart_by_nickname_kind_and_last_use(client, alice, phone):
    Device.objects.filter(pk=phone.pk).update(
        last_used_at=timezone.now() - timedelta(hours=5)
    )
    make_device(alice, name="Handset", kind=Kind.PUSH)
    client.force_login(alice)

    page = client.get(reverse("idme-unlink")).content.decode()

    assert "MyiPhone (primary device), last used 5\xa0hours ago" in page
    assert "Handset, push notification, not used yet" in page
