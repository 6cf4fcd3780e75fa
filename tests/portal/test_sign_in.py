from urllib.parse import urlsplit

import pytest
from django.urls import reverse

from audit.acts import Act
from audit.models import Event
from epcs_portal.views import server_error
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


def sign_in(client, **overrides):
    data = {"username": "alice", "password": PASSWORD}
    return client.post(reverse("sign-in"), data | overrides)


def test_a_right_password_signs_in_and_changes_the_session(client, alice):
    client.get(reverse("sign-in"))
    before = client.session.session_key

    response = sign_in(client)

    assert response.url == reverse("home")
    assert client.session.session_key != before
    assert Event.objects.get(act=Act.SIGN_IN_SUCCEEDED).actor == "alice"


def test_a_wrong_password_is_refused_and_recorded_without_it(client, alice):
    response = sign_in(client, password="guessed secret")

    assert response.status_code == 422
    event = Event.objects.get(act=Act.SIGN_IN_FAILED)
    assert "guessed" not in str(event.__dict__)


def test_a_password_typed_as_a_user_name_is_not_kept(client, alice):
    sign_in(client, username="my secret password", password="x")

    assert "secret" not in str(Event.objects.get(act=Act.SIGN_IN_FAILED).__dict__)


def test_five_failures_lock_and_the_page_says_for_how_long(client, alice):
    for _ in range(5):
        response = sign_in(client, password="guess")

    assert response.status_code == 429
    assert "15 minutes" in response.content.decode()
    assert sign_in(client).status_code == 429
    assert Event.objects.filter(act=Act.SIGN_IN_LOCKED).exists()


@pytest.mark.parametrize(
    "forged", [{"HTTP_X_FORWARDED_FOR": "9.9.9.9"}, {"HTTP_X_REAL_IP": "9.9.9.9"}]
)
def test_a_forged_address_does_not_lift_the_lock(client, alice, forged):
    for _ in range(5):
        sign_in(client, password="guess")

    data = {"username": "alice", "password": PASSWORD}
    response = client.post(reverse("sign-in"), data, **forged)

    assert response.status_code == 429


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https:evil.example",
        "https://evil.example/",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/\\evil.example",
        "%0d%0aSet-Cookie:x=1",
        "x" * 5000,
    ],
)
def test_next_leads_nowhere_else(client, alice, target):
    response = sign_in(client, next=target)

    assert response.status_code == 302
    assert "evil" not in response.url.split("?")[0]
    assert urlsplit(response.url).netloc == ""
    assert not {"\r", "\n"} & set(response.url)
    assert "x" not in response.cookies


def test_signing_out_takes_a_post(client, alice):
    client.force_login(alice)

    assert client.get(reverse("sign-out")).status_code == 405
    assert client.post(reverse("sign-out")).url == reverse("sign-in")
    assert Event.objects.filter(act=Act.SIGN_OUT_DONE).count() == 1


def test_changing_the_password_is_recorded_and_keeps_the_session(client, alice):
    client.force_login(alice)
    new = "another long password 7"

    client.post(
        reverse("password-change"),
        {"old_password": PASSWORD, "new_password1": new, "new_password2": new},
    )

    alice.refresh_from_db()
    assert alice.check_password(new)
    assert client.get(reverse("home")).status_code == 200
    assert Event.objects.filter(act=Act.PASSWORD_CHANGED).count() == 1


def test_trying_during_a_lock_does_not_make_it_longer(client, alice, time_machine):
    time_machine.move_to("2027-01-15T15:00:00Z", tick=False)
    for _ in range(5):
        sign_in(client, password="guess")
    time_machine.move_to("2027-01-15T15:10:00Z", tick=False)

    page = sign_in(client, password="guess").content.decode()

    assert "locked for 5 minutes" in page
    assert "after 15:15:00 UTC" in page
    time_machine.move_to("2027-01-15T15:15:01Z", tick=False)
    assert sign_in(client).status_code == 302


def test_a_button_s_address_opened_as_a_page_says_that_nothing_was_done(client, alice):
    client.force_login(alice)

    response = client.get(reverse("idme-devices-refresh"))

    assert response.status_code == 405
    assert "Nothing was done" in response.content.decode()


def test_the_page_of_an_error_stands_alone(rf):
    page = server_error(rf.get("/")).content.decode()

    assert "Something went wrong" in page
    assert "portal.css" in page
