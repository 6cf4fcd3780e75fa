"""A phone becomes a device: adversarial cases H01, and what a person sees."""

import re
import time

import pytest
import time_machine
from django.apps import apps
from django.contrib.sessions.models import Session
from django.core import serializers
from django.test import Client
from django.urls import reverse

from audit.acts import Act
from audit.models import Event
from mfa.models import Device, Kind
from tests.factories import PASSWORD, code_of, make_idme_account, make_user
from tests.mfa.phones.conftest import ADD, PAIR, scan
from tests.mfa.phones.handset import Handset

pytestmark = pytest.mark.django_db


def finish(client, number, nickname="PushPhone"):
    return client.post(PAIR, {"number": number, "nickname": nickname})


def test_a_phone_is_paired_by_qr_code_and_number(
    client, nora, handset, mailoutbox, django_capture_on_commit_callbacks
):
    assert handset.claim(scan(client)).status_code == 201
    assert "number that the phone shows" in client.get(PAIR).content.decode()

    with django_capture_on_commit_callbacks(execute=True):
        response = finish(client, f"{handset.number()[:3]} {handset.number()[3:]}")

    assert response.url == reverse("erx-info")
    device = Device.objects.get(user=nora)
    assert (device.name, device.kind, device.confirmed) == ("PushPhone", "push", True)
    assert device.public_id == handset.device
    assert not device.is_primary
    acts = Event.objects.order_by("sequence").values_list("act", flat=True)
    assert list(acts)[-2:] == [Act.DEVICE_ENROLMENT_STARTED, Act.DEVICE_ADDED]
    assert len(mailoutbox) == 1


def test_the_phone_learns_when_it_was_added(client, nora, handset):
    handset.claim(scan(client))
    before = handset.poll().json()
    finish(client, handset.number())

    with time_machine.travel(time.time() + 3):
        after = handset.poll().json()

    assert (before["is_confirmed"], after["is_confirmed"]) == (False, True)
    assert after["name"] == "PushPhone"


@pytest.mark.parametrize("state", ["waiting", "scanned", "ended"])
def test_the_page_with_the_code_learns_what_became_of_it(client, nora, handset, state):
    if state != "ended":
        token = scan(client)
    if state == "scanned":
        handset.claim(token)

    assert client.get("/devices/add/phone/state/").json() == {"state": state}


def test_a_token_works_once(client, nora, handset):
    token = scan(client)
    handset.claim(token)

    second = Handset().claim(token)

    assert second.status_code == 403
    finish(client, handset.number())
    assert Device.objects.get(user=nora, confirmed=True).public_id == handset.device


def refused_tokens(token):
    return {
        "guessed": "A" * 43,
        "empty": "",
        "missing": None,
        "a number": 7,
        "too long": token * 100,
        "not text": "\ud800" * 43,
        "changed": token[:-2] + ("AA" if token[-2:] != "AA" else "BB"),
    }


@pytest.mark.parametrize("which", sorted(refused_tokens("-" * 43)))
def test_any_other_token_gets_the_answer_of_a_used_one(client, nora, handset, which):
    token = scan(client)

    response = handset.claim(refused_tokens(token)[which])

    Handset().claim(token)
    used = Handset().claim(token)
    assert response.status_code == used.status_code == 403
    assert response.json() == used.json()


def test_a_token_lasts_ten_minutes(client, nora, handset):
    token = scan(client)

    with time_machine.travel(time.time() + 601):
        response = handset.claim(token)

    assert response.status_code == 403
    assert Device.objects.get(user=nora).public_key == ""


def test_beginning_again_ends_the_first_token(client, nora, handset):
    first, second = scan(client), scan(client)

    assert handset.claim(first).status_code == 403
    assert handset.claim(second).status_code == 201


def test_a_token_of_a_closed_account_is_worth_nothing(client, nora, handset):
    token = scan(client)
    nora.is_active = False
    nora.save()

    assert handset.claim(token).status_code == 403


def test_another_account_cannot_finish_what_this_one_began(client, nora, handset):
    handset.claim(scan(client))
    other = make_user("otto")
    make_idme_account(other)
    elsewhere = Client()
    elsewhere.force_login(other)

    response = finish(elsewhere, handset.number())

    assert response.url == ADD
    assert not Device.objects.filter(confirmed=True).exists()


def test_another_session_cannot_finish_what_this_one_began(client, nora, handset):
    handset.claim(scan(client))
    elsewhere = Client()
    elsewhere.force_login(nora)

    assert finish(elsewhere, handset.number()).url == ADD
    assert not Device.objects.filter(confirmed=True).exists()


def test_a_photographed_code_gains_nothing(client, nora, handset):
    """Somebody else scans first: the owner's phone is refused and shows no number."""
    token = scan(client)
    thief = Handset()
    thief.claim(token)

    assert handset.claim(token).status_code == 403
    assert finish(client, "000000").status_code == 422
    assert not Device.objects.filter(confirmed=True).exists()


def test_five_wrong_numbers_end_the_pairing(client, nora, handset):
    handset.claim(scan(client))
    wrong = f"{(int(handset.number()) + 1) % 10**6:06}"

    start = time.time()
    for after in [0, 1, 2, 40, 110]:
        with time_machine.travel(start + after):
            assert finish(client, wrong).status_code == 422
    with time_machine.travel(start + 300):
        assert finish(client, handset.number()).url == ADD
        assert handset.poll().status_code == 410

    assert not Device.objects.filter(confirmed=True).exists()
    refusals = Event.objects.filter(act=Act.DEVICE_ENROLMENT_REFUSED)
    assert [event.detail["reason"] for event in refusals] == ["wrong_number"] * 5


def test_wrong_numbers_are_slowed_down(client, nora, handset):
    handset.claim(scan(client))
    wrong = f"{(int(handset.number()) + 1) % 10**6:06}"
    for _ in range(3):
        finish(client, wrong)

    response = finish(client, handset.number())

    assert "Locked" in str(response.context["form"].errors)
    assert not Device.objects.filter(confirmed=True).exists()


def test_a_number_before_any_phone_has_scanned_adds_nothing(client, nora):
    scan(client)

    response = finish(client, "123456")

    assert b"<svg" in response.content
    assert not Device.objects.filter(confirmed=True).exists()


def test_a_nickname_that_is_taken_can_be_corrected(client, alice, phone, handset):
    client.force_login(alice)
    sign_in_to_idme(client)
    client.post(ADD, {"password": PASSWORD, "code": code_of(phone)})
    address = re.search(r"#pair=([\w-]{43})<", client.get(PAIR).content.decode())
    handset.claim(address.group(1))

    refused = finish(client, handset.number(), nickname="myiphone")
    accepted = finish(client, handset.number())

    assert "already have" in str(refused.context["form"].errors)
    assert accepted.url == reverse("erx-info")


def sign_in_to_idme(client):
    session = client.session
    session["idme_authenticated_at"] = time.time()
    session.save()


def test_a_phone_needs_the_word_of_a_device_that_is_there(client, alice, phone):
    client.force_login(alice)
    sign_in_to_idme(client)

    refused = client.post(ADD, {"begin": "yes"})

    assert refused.status_code == 422
    assert not Device.objects.filter(kind=Kind.PUSH).exists()


def test_a_phone_needs_a_fresh_idme_sign_in(client):
    nora = make_user("nora")
    make_idme_account(nora)
    client.force_login(nora)

    assert client.post(ADD, {"begin": "yes"}).status_code == 422
    assert not Device.objects.exists()


def test_the_token_stands_nowhere_in_clear(client, nora, handset, mailoutbox, caplog):
    token = scan(client)
    everywhere = stored()
    handset.claim(token)
    finish(client, handset.number())

    everywhere += stored() + "".join(mail.body for mail in mailoutbox) + caplog.text
    assert token not in everywhere
    device = Device.objects.get(user=nora)
    assert (device.sealed_seed, device.pairing_digest) == ("", "")


def stored():
    rows = [row for model in apps.get_models() for row in model.objects.all()]
    sessions = [str(session.get_decoded()) for session in Session.objects.all()]
    return serializers.serialize("json", rows) + " ".join(sessions)
