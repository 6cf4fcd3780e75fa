"""With ID.me gone: who needs it is told so within the timeout."""

import time
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from audit.acts import Act
from audit.models import Event
from mfa.models import Challenge, ChallengeState, IdmeAccount
from prescriptions.models import SignedRecord
from tests.factories import make_idme_account
from tests.mfa.idme.outage.pages import UNREACHABLE, ask_phone, by_push, said, sign, url
from tests.mfa.idme.provider import listed

pytestmark = pytest.mark.django_db

ENDS_WITHIN = 8  # seconds on a busy machine; silence has no end
NO_PUSH = f"No push was sent. {UNREACHABLE}"


class Timer:
    """How long a page took."""

    def __enter__(self):
        self._since = time.monotonic()
        return self

    def __exit__(self, *exc):
        self.seconds = time.monotonic() - self._since


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
