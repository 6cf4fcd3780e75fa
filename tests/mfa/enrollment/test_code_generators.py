"""Adding a code generator, on pages."""

import re
import time

import pytest
import time_machine
from django.apps import apps
from django.contrib.sessions.models import Session
from django.core import serializers
from django.test import Client
from django.urls import reverse

from mfa import totp
from mfa.models import Device
from tests.factories import PASSWORD, code_of, make_idme_account, make_user

pytestmark = pytest.mark.django_db


def sign_in_to_idme(client):
    session = client.session
    session["idme_authenticated_at"] = time.time()
    session.save()


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

    device = Device.objects.get(user=nora)
    response = client.post(
        reverse("device-primary", args=[device.public_id]),
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
