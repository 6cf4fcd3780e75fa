"""A push through a provider that nobody here wrote, on the portal's own pages.

It names no device, so what counts is how the person confirmed (`amr`), and that the
account has one push device only.
"""

import pytest
from django.urls import reverse

from mfa.models import Challenge, ChallengeState, Ending
from tests.factories import PASSWORD
from tests.oidc_provider.provider import Person

pytestmark = [pytest.mark.usefixtures("portal"), pytest.mark.slow]
WITH_PHONE = ["mfa", "swk"]


@pytest.fixture
def page(client, riley, person, go_to_provider, come_back):
    """Riley, linked, wants the push device to be the primary one."""
    come_back(person.agree(go_to_provider()))
    device = riley.mfa_devices.get(name="RileyPush")
    return reverse("device-primary", args=[device.public_id])


@pytest.fixture
def push(client, page, riley):
    """The password was right, and the page waits for the phone."""
    assert client.post(page, {"password": PASSWORD}).status_code == 302
    return Challenge.objects.get(user=riley)


def go_on(client, page):
    return client.post(page, {"waiting": "1"})


def state_of(client, push):
    return client.post(reverse("push-state", args=[push.public_id])).json()["state"]


def is_primary(riley):
    return riley.mfa_devices.get(name="RileyPush").is_primary


@pytest.mark.parametrize("method", ["basic", "key"], indirect=True)
def test_a_push_that_is_approved_confirms(client, page, push, riley, provider):
    number = push.push.number
    assert provider.messages()[-1].endswith(f"-#{number}")
    provider.admin("pushes", amr=WITH_PHONE)

    assert state_of(client, push) == "passed"
    assert go_on(client, page).url == reverse("erx-info")
    assert is_primary(riley)


@pytest.mark.parametrize("method", ["basic"], indirect=True)
@pytest.mark.parametrize(
    ("answer", "ending"),
    [
        ({"error": "access_denied"}, Ending.DENIED),
        ({"error": "expired_token"}, Ending.EXPIRED),
        ({"amr": ["pwd"]}, Ending.OTHER_DEVICE),
        ({"amr": ["swk", "sms"]}, Ending.OTHER_DEVICE),
        ({}, Ending.OTHER_DEVICE),
    ],
)
def test_anything_else_confirms_nothing(
    client, page, push, riley, provider, answer, ending
):
    provider.admin("pushes", **answer)

    assert state_of(client, push) == "ended"
    push.refresh_from_db()
    assert push.push.ended_because == ending
    go_on(client, page)
    assert not is_primary(riley)


@pytest.mark.parametrize("method", ["popup"], indirect=True)
def test_a_sign_in_of_its_own_confirms_where_no_phone_can_be_asked(
    client, page, push, riley, person, come_back
):
    started = client.get(reverse("push-step-up", args=[push.public_id]))

    window = come_back(person.agree(started.url, amr=WITH_PHONE))

    assert b"Confirmed" in window.content
    assert state_of(client, push) == "passed"
    assert go_on(client, page).url == reverse("erx-info")
    assert is_primary(riley)


@pytest.mark.parametrize("method", ["popup"], indirect=True)
@pytest.mark.parametrize(
    "how",
    [
        {"amr": WITH_PHONE, "signedInAgo": 3600},
        {"amr": ["pwd"]},
        {"amr": ["pwd", "sms"]},
        {},
    ],
    ids=["an hour ago", "password", "text message", "nobody says how"],
)
def test_another_sign_in_confirms_nothing(
    client, page, push, riley, person, come_back, how
):
    started = client.get(reverse("push-step-up", args=[push.public_id]))

    come_back(person.agree(started.url, **how))

    assert Challenge.objects.get().state != ChallengeState.PASSED
    go_on(client, page)
    assert not is_primary(riley)


@pytest.mark.parametrize("method", ["popup"], indirect=True)
def test_a_sign_in_of_somebody_else_confirms_nothing(
    client, page, push, riley, provider, come_back
):
    provider.admin("accounts", subject="somebody-else", email="else@demo.example")
    somebody = Person(provider, subject="somebody-else")
    started = client.get(reverse("push-step-up", args=[push.public_id]))

    come_back(somebody.agree(started.url, amr=WITH_PHONE))

    assert Challenge.objects.get().state != ChallengeState.PASSED
    assert not is_primary(riley)
