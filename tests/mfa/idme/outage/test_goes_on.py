"""With ID.me gone: whoever does not need it notices nothing."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mfa.models import ChallengeState, Device, IdmeAccount
from mfa.push import answers
from prescriptions.models import SignedRecord, Status
from tests.factories import PASSWORD, code_of, make_device, make_paired_phone
from tests.mfa.idme.outage.pages import UNREACHABLE, ask_phone, by_push, said, sign, url
from tests.portal.walk import own_paths

pytestmark = pytest.mark.django_db

NEEDS_IDME = {"idme-start"}


def by_code(device):
    return {
        "password": PASSWORD,
        "device": str(device.public_id),
        "code": code_of(device),
    }


@pytest.mark.parametrize("how", ["silent", "half there"], indirect=True)
def test_no_other_page_asks_idme_anything(as_alice, handset, prescription, outage):
    """Nor the background refresh: it is the worker that waits, and no page."""
    year_ago = timezone.now() - timedelta(days=365)
    IdmeAccount.objects.update(devices_refreshed_at=year_ago)
    outage.begins()
    paths = {path for name, path in own_paths() if name not in NEEDS_IDME}
    paths |= {url("device-primary", handset), url("device-retire", handset)}
    paths |= {url("prescription-sign", prescription), reverse("erx-info")}
    paths -= {reverse("sign-out")}

    for path in sorted(paths):
        response = as_alice.get(path)
        assert response.status_code < 500, path
        assert not outage.was_asked(), path


def test_a_code_generator_signs(as_alice, phone, handset, prescription, outage):
    outage.begins()

    response = sign(as_alice, prescription, **by_code(phone))

    assert response.url == prescription.get_absolute_url()
    prescription.refresh_from_db()
    assert prescription.status == Status.QUEUED
    assert not outage.was_asked()


def test_a_code_signs_instead_of_a_push_that_idme_cannot_answer(
    as_alice, phone, handset, prescription, outage
):
    push = ask_phone(as_alice, prescription, handset)
    outage.begins()

    response = sign(
        as_alice,
        prescription,
        waiting=str(push.challenge.public_id),
        code=code_of(phone),
    )

    assert response.url == prescription.get_absolute_url()
    assert SignedRecord.objects.get().device == phone
    assert not outage.was_asked()


def test_a_push_is_taken_back(as_alice, handset, prescription, outage):
    push = ask_phone(as_alice, prescription, handset)
    outage.begins()

    as_alice.post(url("push-cancel", push.challenge), {"next": "/"})

    push.challenge.refresh_from_db()
    assert push.challenge.state == ChallengeState.REFUSED
    assert not outage.was_asked()


def test_a_phone_of_the_portal_signs(as_alice, alice, phone, prescription, outage):
    Device.objects.filter(pk=phone.pk).update(is_primary=False)
    paired = make_paired_phone(alice, is_primary=True)
    outage.begins()

    push = ask_phone(as_alice, prescription, paired)
    answers.approve(push, number=push.number)
    response = sign(as_alice, prescription, waiting=str(push.challenge.public_id))

    assert response.url == prescription.get_absolute_url()
    assert SignedRecord.objects.get().device == paired
    assert not outage.was_asked()


def test_devices_are_managed_by_codes(as_alice, alice, phone, handset, outage):
    tablet = make_device(alice, name="OfficeiPad")
    outage.begins()

    as_alice.post(url("device-primary", tablet), by_code(tablet))
    assert Device.objects.get(user=alice, is_primary=True) == tablet
    as_alice.post(url("device-retire", phone), by_code(phone))
    phone.refresh_from_db()
    assert phone.retired_at
    assert not outage.was_asked()


def test_all_that_one_page_asks_shares_one_timeout(as_alice, handset, idme):
    idme.has_phones = True
    idme.answers_after = 0.2  # seconds

    as_alice.post(url("device-primary", handset), by_push(handset))

    for_metadata, for_push = idme.patience
    assert for_push <= for_metadata - idme.answers_after


@pytest.mark.both_databases
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["silent"], indirect=True)
@pytest.mark.parametrize("what", ["refresh", "push"])
def test_while_one_page_waits_for_idme_a_code_signs_in_another(
    alice, phone, handset, prescription, settings, outage, what
):
    outage.begins()
    settings.IDME_TIMEOUT = 30
    account = IdmeAccount.objects.get(user=alice)
    account.set_refresh_token("refresh-1")
    account.refresh_token_expires_at = timezone.now() + timedelta(days=1)
    account.save()
    one, other = Client(), Client()
    one.force_login(alice)
    other.force_login(alice)
    waiting = Waiting(one, what, handset)
    waiting.start()
    asked = outage.wait_until_asked()

    response = sign(other, prescription, **by_code(phone))

    assert response.url == prescription.get_absolute_url()
    assert waiting.is_alive(), "ID.me had not answered yet"
    asked.close()
    waiting.join(10)
    assert UNREACHABLE in waiting.said


class Waiting(threading.Thread):
    """A browser of Alice's in which a page waits for ID.me."""

    def __init__(self, client, what, handset):
        super().__init__(daemon=True)
        self._client, self._what, self._handset = client, what, handset
        self.said = ""

    def run(self):
        try:
            if self._what == "refresh":
                response = self._client.post(reverse("idme-devices-refresh"))
            else:
                path = url("device-primary", self._handset)
                response = self._client.post(path, by_push(self._handset))
            self.said = said(response)
        finally:
            connection.close()
