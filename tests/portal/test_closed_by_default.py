import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client
from django.urls import reverse

from tests.portal.walk import admin_paths, own_paths

pytestmark = pytest.mark.django_db

OPEN = {
    "sign-in",
    "sign-out",
    "health-live",
    "health-ready",
    "jwks",
    "idme-jwks",
    "phone",
}
# The way to ID.me and back, which signs in; anything else there wants a sign-in.
BY_IDME = {"idme-start", "idme-callback"}
BY_TOKEN = {"script-inbound"}
BY_SIGNATURE = {"phone-claim", "phone-challenges", "phone-answers"}
WALKED = sorted(own_paths())


def test_the_walk_finds_the_pages():
    names = {name for name, _ in WALKED}

    assert {"home", "erx-info", "prescription-sign", "device-add"} <= names
    assert names >= OPEN | BY_SIGNATURE | BY_IDME | BY_TOKEN


ELSEWISE = OPEN | BY_SIGNATURE | BY_IDME | BY_TOKEN
CLOSED = [page for page in WALKED if page[0] not in ELSEWISE]


def test_every_page_but_a_few_wants_a_sign_in(client, subtests):
    for _, path in CLOSED:
        with subtests.test(path):
            for response in [client.get(path), client.post(path)]:
                assert response.status_code == 302, path
                assert response.url.startswith(reverse("sign-in")), path


@pytest.mark.parametrize("name", sorted(BY_SIGNATURE))
def test_what_phones_send_counts_by_its_signature_alone(client, alice, name):
    client.force_login(alice)

    response = client.post(reverse(name), {}, content_type="application/json")

    assert response.status_code == 403


@pytest.mark.parametrize("name", sorted(BY_TOKEN))
def test_what_a_network_sends_counts_by_its_token_alone(client, alice, name):
    client.force_login(alice)

    response = client.post(reverse(name), {}, content_type="application/xml")

    assert response.status_code == 401


@pytest.mark.parametrize("name", sorted(OPEN - {"sign-out"}))
def test_the_open_pages_answer_anybody(client, name):
    assert client.get(reverse(name)).status_code == 200


def test_no_change_without_a_csrf_token(alice, subtests):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    for name, path in WALKED:
        with subtests.test(path):
            response = client.post(path, {"anything": "x"})

            refused = {401} if name in BY_TOKEN else {403, 405}
            assert response.status_code in refused, path


def test_whose_session_ended_meanwhile_is_told_to_sign_in(alice):
    client = Client(enforce_csrf_checks=True)
    said = client.post(reverse("patient-list"), {"q": "x"})
    assert "You are signed out" in said.content.decode()
    assert reverse("sign-in") in said.content.decode()

    client.force_login(alice)
    said = client.post(reverse("patient-list"), {"q": "x"})

    assert "This page was open for too long" in said.content.decode()


def test_staff_without_a_code_see_no_page_of_the_admin(client, alice, subtests):
    alice.is_staff = alice.is_superuser = True
    alice.save()
    client.force_login(alice)

    for name, path in sorted(admin_paths(), key=str):
        with subtests.test(path):
            response = client.get(path)

            assert response.status_code in {301, 302}, path
            assert (
                "/admin/verify/" in response.url
                or "/admin/login/" in response.url
                or (name in {"logout", "login"})
            ), path
    assert SESSION_KEY in client.session
