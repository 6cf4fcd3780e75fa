"""Steps 5 and 6 of the article, and the note about nicknames, over HTTP."""

import re
import time
from datetime import timedelta

import pytest
import time_machine
from django.apps import apps
from django.contrib.sessions.models import Session
from django.core import serializers
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.acts import Act
from audit.models import Event
from mfa import totp
from mfa.models import Device, Kind
from tests.factories import PASSWORD, code_of, make_device, make_idme_account, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_alice(client, alice):
    client.force_login(alice)
    return client


@pytest.fixture
def tablet(alice):
    return make_device(alice, name="OfficeiPad")


def sign_in_to_idme(client):
    session = client.session
    session["idme_authenticated_at"] = time.time()
    session.save()


def url(name, device):
    return reverse(name, args=[device.public_id])


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


def test_adding_the_first_device_needs_a_fresh_idme_sign_in(client):
    nora = make_user("nora")
    make_idme_account(nora)
    client.force_login(nora)

    response = client.post(reverse("device-add"), {"begin": "yes"})

    assert response.status_code == 422
    assert not Device.objects.filter(user=nora).exists()


@pytest.fixture
def nora(client):
    """Linked, and just signed in to ID.me; no device yet."""
    user = make_user("nora")
    make_idme_account(user)
    client.force_login(user)
    sign_in_to_idme(client)
    return user


def begin(client):
    client.post(reverse("device-add"), {"begin": "yes"})
    page = client.get(reverse("device-confirm")).content.decode()
    secret = re.search(r"<code>([A-Z2-7 ]+)</code>", page).group(1)
    return totp.from_base32(secret)


def code_now(seed):
    return totp.code_at(seed, totp.step_at(time.time()))


def test_a_code_generator_is_added_by_qr_code(client, nora):
    seed = begin(client)

    response = client.post(
        reverse("device-confirm"), {"code": code_now(seed), "nickname": "MyiPhone"}
    )

    assert response.url == reverse("erx-info")
    device = Device.objects.get(user=nora)
    assert (device.confirmed, device.name, device.seed()) == (True, "MyiPhone", seed)
    assert not device.is_primary


def test_the_code_that_added_a_device_cannot_be_used_again(client, nora):
    seed = begin(client)
    code = code_now(seed)
    client.post(reverse("device-confirm"), {"code": code, "nickname": "MyiPhone"})

    response = client.post(
        url("device-primary", Device.objects.get(user=nora)),
        {"password": PASSWORD, "code": code},
    )

    assert "used already" in str(response.context["form"].errors)


def test_the_secret_is_shown_only_while_the_device_is_being_added(client, nora):
    seed = begin(client)
    client.post(
        reverse("device-confirm"), {"code": code_now(seed), "nickname": "MyiPhone"}
    )

    response = client.get(reverse("device-confirm"))

    assert response.url == reverse("device-add")


def test_a_wrong_first_code_adds_nothing_and_can_be_corrected(client, nora):
    seed = begin(client)
    data = {"code": "000000", "nickname": "MyiPhone"}
    assert client.post(reverse("device-confirm"), data).status_code == 422

    client.post(reverse("device-confirm"), data | {"code": code_now(seed)})

    assert Device.objects.get(user=nora).confirmed


def test_five_wrong_codes_end_it(client, nora):
    seed = begin(client)
    start = time.time()
    for after in [0, 1, 2, 40, 110]:
        with time_machine.travel(start + after):
            wrong = {"code": "000000", "nickname": "MyiPhone"}
            assert client.post(reverse("device-confirm"), wrong).status_code == 422

    with time_machine.travel(start + 300):
        right = {"code": code_now(seed), "nickname": "MyiPhone"}
        response = client.post(reverse("device-confirm"), right)

    assert "Start again" in str(response.context["form"].errors)
    assert not Device.objects.filter(user=nora, confirmed=True).exists()


def test_starting_again_makes_another_secret_and_ends_the_first(client, nora):
    first, second = begin(client), begin(client)

    response = client.post(
        reverse("device-confirm"), {"code": code_now(first), "nickname": "MyiPhone"}
    )

    assert first != second
    assert response.status_code == 422


def test_ten_minutes_later_it_has_to_be_started_again(client, nora):
    seed = begin(client)

    with time_machine.travel(time.time() + 601):
        response = client.post(
            reverse("device-confirm"), {"code": code_now(seed), "nickname": "MyiPhone"}
        )

    assert response.url == reverse("device-add")
    assert not Device.objects.filter(user=nora, confirmed=True).exists()


def test_another_session_cannot_finish_what_this_one_began(client, nora):
    seed = begin(client)
    elsewhere = Client()
    elsewhere.force_login(nora)

    elsewhere.post(
        reverse("device-confirm"), {"code": code_now(seed), "nickname": "MyiPhone"}
    )

    assert not Device.objects.filter(user=nora, confirmed=True).exists()


def test_a_second_device_needs_the_word_of_the_first(as_alice, alice, phone):
    sign_in_to_idme(as_alice)

    refused = as_alice.post(reverse("device-add"), {"begin": "yes"})
    accepted = as_alice.post(
        reverse("device-add"), {"password": PASSWORD, "code": code_of(phone)}
    )

    assert refused.status_code == 422
    assert accepted.url == reverse("device-confirm")


def test_no_secret_stands_anywhere_after_enrolment(client, nora, mailoutbox, caplog):
    """Adversarial case E01: every table, the session, the mail, the log."""
    seed = begin(client)
    client.post(
        reverse("device-confirm"), {"code": code_now(seed), "nickname": "MyiPhone"}
    )

    rows = [row for model in apps.get_models() for row in model.objects.all()]
    everything = serializers.serialize("json", rows).lower()
    everything += " ".join(
        str(session.get_decoded()) for session in Session.objects.all()
    ).lower()
    everything += "".join(mail.body for mail in mailoutbox) + caplog.text
    everything += repr(Device.objects.get(user=nora)).lower()
    for form in [totp.to_base32(seed), seed.hex(), str(seed)]:
        assert form.lower() not in everything


def test_devices_are_told_apart_by_nickname_kind_and_last_use(client, alice, phone):
    Device.objects.filter(pk=phone.pk).update(
        last_used_at=timezone.now() - timedelta(hours=5)
    )
    make_device(alice, name="Handset", kind=Kind.PUSH)
    client.force_login(alice)

    page = client.get(reverse("idme-unlink")).content.decode()

    assert "MyiPhone (primary device), last used 5\xa0hours ago" in page
    assert "Handset, push notification, not used yet" in page
