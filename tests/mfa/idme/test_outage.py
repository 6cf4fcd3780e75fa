"""With ID.me gone: who needs it is told so within the timeout; nobody else notices."""

import re
import threading
import time
from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.acts import Act
from audit.models import Event
from mfa.models import Challenge, ChallengeState, Device, IdmeAccount, Kind, Push
from mfa.push import answers
from prescriptions.models import SignedRecord, Status
from tests.factories import (
    PASSWORD,
    code_of,
    make_device,
    make_idme_account,
    make_paired_phone,
)
from tests.mfa.idme.outage import Outage, refusing, silent
from tests.mfa.idme.provider import listed
from tests.portal.walk import own_paths
from tests.prescriptions.factories import make_ready

pytestmark = pytest.mark.django_db
ENDS_WITHIN = 8  # seconds on a busy machine; silence has no end
UNREACHABLE = "ID.me cannot be reached"
NO_PUSH = f"No push was sent. {UNREACHABLE}"
NEEDS_IDME = {"idme-start"}


@pytest.fixture(params=["refused", "silent", "half there"])
def how(request):
    return request.param


@pytest.fixture
def outage(how, idme, settings):
    idme.has_phones = True
    idme.mock.add_passthru("http://127.0.0.1")
    idme.mock.add_passthru("https://127.0.0.1")
    with silent() as listener, refusing() as closed:
        yield Outage(
            how=how, idme=idme, settings=settings, listener=listener, closed=closed
        )


@pytest.fixture
def handset(alice):
    """A phone that only ID.me can ask; Alice's primary stays her code generator."""
    return make_device(alice, kind=Kind.PUSH, name="Handset")


@pytest.fixture
def prescription(alice):
    return make_ready(alice.provider)


@pytest.fixture
def as_alice(client, alice):
    client.force_login(alice)
    session = client.session
    session["idme_authenticated_at"] = time.time()
    session.save()
    yield client
    cache.clear()


def url(name, thing):
    return reverse(name, args=[thing.public_id])


def sign(client, prescription, **data):
    page = client.get(url("prescription-sign", prescription)).content.decode()
    shown = re.search(r'name="shown_digest" value="([0-9a-f]{64})"', page)
    facts = {"shown_digest": shown.group(1)}
    return client.post(url("prescription-sign", prescription), facts | data)


def by_code(device):
    return {
        "password": PASSWORD,
        "device": str(device.public_id),
        "code": code_of(device),
    }


def by_push(device):
    return {"password": PASSWORD, "device": str(device.public_id)}


def said(response):
    shown = " ".join(str(message) for message in get_messages(response.wsgi_request))
    return f"{shown} {response.content.decode()}"


def ask_phone(client, prescription, handset):
    """Have ID.me ask the phone, while it is there; return the push."""
    assert sign(client, prescription, **by_push(handset)).status_code == 302
    return Push.objects.select_related("challenge").get()


class Timer:
    """How long a page took."""

    def __enter__(self):
        self._since = time.monotonic()
        return self

    def __exit__(self, *exc):
        self.seconds = time.monotonic() - self._since


# What needs ID.me


@pytest.mark.parametrize("purpose", ["link", "fresh"])
def test_the_way_to_idme_says_that_it_cannot_be_reached(as_alice, outage, purpose):
    outage.begins()

    with Timer() as page:
        response = as_alice.get(reverse("idme-start"), {"purpose": purpose})

    assert page.seconds < ENDS_WITHIN
    if outage.leaves_discovery:
        assert response.status_code == 302  # the browser finds out
    else:
        assert response.status_code == 503
        assert UNREACHABLE in said(response)
        assert reverse("erx-info") in said(response)


def test_who_signs_in_with_idme_is_led_back_to_the_password(client, idme, outage):
    outage.begins()

    with Timer() as page:
        response = client.get(reverse("idme-start"), {"purpose": "sign_in"})

    assert page.seconds < ENDS_WITHIN
    if not outage.leaves_discovery:
        assert response.status_code == 503
        assert UNREACHABLE in said(response)
        assert f'href="{reverse("sign-in")}"' in said(response)


def test_coming_back_to_sign_in_opens_nothing(client, nora, idme, outage):
    make_idme_account(nora, subject=idme.subject)
    started = client.get(reverse("idme-start"), {"purpose": "sign_in"})
    answer = idme.authorize(started.url)
    outage.begins()

    with Timer() as page:
        response = client.get(reverse("idme-callback"), answer | outage.issuer())

    assert page.seconds < ENDS_WITHIN
    assert response.status_code == 503
    assert UNREACHABLE in said(response)
    assert "_auth_user_id" not in client.session


def test_coming_back_from_idme_links_nothing_and_says_so(client, nora, idme, outage):
    client.force_login(nora)
    answer = idme.authorize(client.get(reverse("idme-start")).url)
    outage.begins()

    with Timer() as page:
        response = client.get(reverse("idme-callback"), answer | outage.issuer())

    assert page.seconds < ENDS_WITHIN
    assert response.status_code == 503
    assert UNREACHABLE in said(response)
    assert not IdmeAccount.objects.filter(user=nora).exists()
    assert "idme_authenticated_at" not in client.session
    failure = Event.objects.get(act=Act.IDME_SIGN_IN_FAILED)
    assert failure.detail["reason"] == "unavailable"


def test_a_refresh_says_so_and_how_old_the_list_is(client, sign_in, nora, idme, outage):
    idme.devices = [listed(name="MyiPhone")]
    sign_in()
    before = list(nora.mfa_devices.values())
    an_hour_ago = timezone.now() - timedelta(hours=1)
    IdmeAccount.objects.update(devices_refreshed_at=an_hour_ago)
    outage.begins()

    with Timer() as page:
        response = client.post(reverse("idme-devices-refresh"))

    assert page.seconds < ENDS_WITHIN
    assert UNREACHABLE in said(response)
    assert "The list is 1\xa0hour old" in said(response)
    assert list(nora.mfa_devices.values()) == before
    assert IdmeAccount.objects.get(user=nora).devices_refreshed_at == an_hour_ago


def test_no_page_pretends_that_a_phone_was_asked(
    as_alice, handset, phone, prescription, outage
):
    pages = {
        "device-primary": lambda: as_alice.post(
            url("device-primary", handset), by_push(handset)
        ),
        "device-retire": lambda: as_alice.post(
            url("device-retire", phone), by_push(handset)
        ),
        "device-add": lambda: as_alice.post(reverse("device-add"), by_push(handset)),
        "idme-unlink": lambda: as_alice.post(reverse("idme-unlink"), by_push(handset)),
        "prescription-sign": lambda: sign(as_alice, prescription, **by_push(handset)),
    }
    outage.begins()
    for name, ask in pages.items():
        with Timer() as page:
            response = ask()

        assert page.seconds < ENDS_WITHIN, name
        assert response.status_code == 422, name
        assert NO_PUSH in said(response), name
        assert "your code generators go on working" in said(response), name
        assert not Challenge.objects.filter(state=ChallengeState.OPEN).exists(), name


def test_sending_a_push_again_says_so(as_alice, handset, prescription, outage):
    push = ask_phone(as_alice, prescription, handset)
    outage.begins()

    with Timer() as page:
        response = as_alice.post(url("push-again", push.challenge), {"next": "/"})

    assert page.seconds < ENDS_WITHIN
    assert NO_PUSH in said(response)


def test_the_page_that_waits_for_a_phone_goes_on_waiting(
    as_alice, handset, prescription, outage
):
    push = ask_phone(as_alice, prescription, handset)
    outage.begins()

    with Timer() as page:
        response = as_alice.post(url("push-state", push.challenge))

    assert page.seconds < ENDS_WITHIN
    assert response.json() == {"state": "open"}
    assert outage.was_asked() or outage.refuses


def test_going_on_without_an_answer_signs_nothing(
    as_alice, handset, prescription, outage
):
    push = ask_phone(as_alice, prescription, handset)
    outage.begins()

    with Timer() as page:
        response = sign(as_alice, prescription, waiting=str(push.challenge.public_id))

    assert page.seconds < ENDS_WITHIN
    assert response.status_code == 422
    assert "has not answered yet" in said(response)
    assert not SignedRecord.objects.exists()


def test_the_window_of_idme_says_so(as_alice, handset, prescription, idme, outage):
    idme.has_phones = False
    push = ask_phone(as_alice, prescription, handset)
    outage.begins()

    with Timer() as page:
        response = as_alice.get(url("push-step-up", push.challenge))

    assert page.seconds < ENDS_WITHIN
    if outage.leaves_discovery:
        assert response.status_code == 302
    else:
        assert response.status_code >= 400
        assert UNREACHABLE in said(response)


# What does not


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


# While it waits


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
