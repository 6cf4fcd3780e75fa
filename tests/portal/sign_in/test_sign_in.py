from urllib.parse import urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
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


@pytest.mark.cfr("1311.150(a)(1)")
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


def test_guesses_from_everywhere_are_limited_together(client, alice):
    def guess(number, password="guess"):
        data = {"username": "alice", "password": password}
        address = f"203.0.113.{number}"
        return client.post(reverse("sign-in"), data, REMOTE_ADDR=address)

    refused = [guess(number).status_code for number in range(50)]

    assert refused == [422] * 49 + [429]
    assert guess(77, PASSWORD).status_code == 429


def test_behind_a_proxy_each_person_has_an_own_lock(client, alice, settings):
    settings.TRUST_PROXY = True

    def attempt(address, password):
        data = {"username": "alice", "password": password}
        headers = {"HTTP_X_FORWARDED_FOR": f"1.1.1.1, {address}"}
        return client.post(reverse("sign-in"), data, **headers)

    for _ in range(5):
        attempt("6.6.6.6", "guess")

    assert attempt("6.6.6.6", PASSWORD).status_code == 429
    assert attempt("9.9.9.9", PASSWORD).status_code == 302


def test_no_address_at_all_is_locked_too(client, alice):
    data = {"username": "alice", "password": "guess"}
    codes = [
        client.post(reverse("sign-in"), data, REMOTE_ADDR="").status_code
        for _ in range(6)
    ]

    assert codes[-1] == 429


def test_a_user_name_longer_than_any_is_refused(client, db):
    assert sign_in(client, username="x" * 300).status_code == 422


@pytest.mark.parametrize(
    "request_",
    [
        {"path": "/patients/?q=%00"},
        {"path": "/patients/%00/"},
        {"path": "/", "HTTP_USER_AGENT": "a\0b"},
    ],
)
def test_a_nul_character_is_a_bad_request(client, alice, request_):
    client.force_login(alice)

    assert client.get(**request_).status_code == 400


def test_a_nul_character_in_a_form_is_a_bad_request(client, db):
    assert sign_in(client, username="a\0b").status_code == 400


@pytest.mark.parametrize("page", ["sign-in", "health-ready"])
def test_a_nul_character_hidden_in_a_cookie_is_a_bad_request(client, db, page):
    hidden = r'portal_session="\000bcdefghijkl"'

    assert client.get(reverse(page), HTTP_COOKIE=hidden).status_code == 400


@pytest.mark.parametrize("charset", ["hex", "idna", "undefined", "raw_unicode_escape"])
def test_a_form_is_read_as_utf_8_whatever_it_says(client, alice, charset):
    field = 'Content-Disposition: form-data; name="username"\r\n\r\n\\ud800\r\n'

    response = client.generic(
        "POST",
        reverse("sign-in"),
        f"--x\r\n{field}--x--\r\n",
        content_type=f"multipart/form-data; boundary=x; charset={charset}",
    )

    assert response.status_code == 422


def test_a_session_ends_after_a_day_of_work(client, alice, time_machine):
    time_machine.move_to("2027-01-15T08:00:00Z")
    client.force_login(alice)
    for minutes in range(20, 12 * 60, 20):
        time_machine.move_to(f"2027-01-15T{8 + minutes // 60:02}:{minutes % 60:02}:00Z")
        assert client.get(reverse("provider-settings")).status_code == 200
    time_machine.move_to("2027-01-15T20:01:00Z")

    assert client.get(reverse("provider-settings")).status_code == 302


def test_what_a_page_asks_by_itself_keeps_nobody_signed_in(client, alice, time_machine):
    time_machine.move_to("2027-01-15T08:00:00Z")
    client.force_login(alice)
    client.get(reverse("home"))
    time_machine.move_to("2027-01-15T08:25:00Z")
    client.get(reverse("home"), headers={"HX-Request": "true"})
    time_machine.move_to("2027-01-15T08:31:00Z")

    response = client.get(reverse("home"), headers={"HX-Request": "true"})

    assert (response.status_code, response.headers["HX-Refresh"]) == (204, "true")
    assert client.get(reverse("home")).status_code == 302


def test_a_button_s_address_opened_as_a_page_says_that_nothing_was_done(client, alice):
    client.force_login(alice)

    response = client.get(reverse("idme-devices-refresh"))

    assert response.status_code == 405
    assert "Nothing was done" in response.content.decode()


def test_the_page_of_an_error_stands_alone(rf):
    page = server_error(rf.get("/")).content.decode()

    assert "Something went wrong" in page
    assert "portal.css" in page


def test_the_page_to_change_a_password_is_no_oracle(client, alice):
    client.force_login(alice)
    data = {"old_password": "guess", "new_password1": "x", "new_password2": "y"}
    for _ in range(3):
        assert client.post(reverse("password-change"), data).status_code == 422

    response = client.post(
        reverse("password-change"), data | {"old_password": PASSWORD}
    )

    assert "Locked for another" in str(response.context["form"].errors["old_password"])
    assert Event.objects.filter(act=Act.CHALLENGE_REFUSED).count() == 4


def test_a_name_longer_than_any_is_refused_like_a_wrong_one(client, alice):
    assert sign_in(client, username="x" * 300).status_code == 422


def test_no_file_is_taken_however_small(client, db):
    """No form has one; a large one would fill the disk before anybody is known."""
    file = SimpleUploadedFile("x.bin", b"x")

    response = client.post(reverse("sign-in"), {"username": "nobody", "password": file})

    assert response.status_code == 400
