"""The stand-in misbehaves when it is told to, and only then."""

import time

import pytest
import requests
from joserfc import jwe, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tests.processes import SLOW_SECONDS
from tests.sandbox import people
from tests.sandbox.visitor import PortalFlow, Visitor, query_of

OTHER = "https://somebody-else.example/oidc"
ENDPOINTS = {
    "discovery": "/oidc/.well-known/openid-configuration",
    "authorize": "/oauth/authorize",
    "token": "/oauth/token",
    "userinfo": "/api/public/v3/userinfo",
    "backchannel": "/oauth/backchannel",
}
READ = ["discovery", "authorize", "userinfo"]


@pytest.fixture
def switches(idme):
    """Somebody on the page of switches, who leaves everything as it should be."""
    visitor = Visitor(idme.origin, "")
    yield visitor
    visitor.post("/switches/")


def turn(visitor, endpoint, fault):
    return visitor.post("/switches/", {endpoint: fault})


def call(idme, endpoint):
    method = "GET" if endpoint in READ else "POST"
    url = idme.origin + ENDPOINTS[endpoint]
    return requests.request(method, url, timeout=10)


def tokens_of(idme):
    refresh = {"grant_type": "refresh_token", "refresh_token": people.REFRESH_TOKEN}
    answer = PortalFlow(idme.origin).token(refresh)
    assert answer.status_code == 200, answer.text
    return answer.json()


def keys_of(idme):
    url = f"{idme.origin}/oidc/.well-known/jwks"
    return KeySet.import_key_set(requests.get(url, timeout=10).json())


def userinfo_of(idme, client_key):
    access_token = tokens_of(idme)["access_token"]
    answer = PortalFlow(idme.origin).userinfo(access_token)
    opened = jwe.decrypt_compact(
        answer.text, client_key, algorithms=["RSA-OAEP", "A256CBC-HS512"]
    )
    return jwt.decode(opened.plaintext, keys_of(idme), algorithms=["RS256"]).claims


@pytest.mark.parametrize("endpoint", sorted(ENDPOINTS))
def test_an_endpoint_is_down(idme, switches, endpoint):
    turn(switches, endpoint, "down")

    assert call(idme, endpoint).status_code == 503
    others = set(ENDPOINTS) - {endpoint}
    assert all(call(idme, other).status_code != 503 for other in others)


@pytest.mark.parametrize("endpoint", sorted(ENDPOINTS))
def test_an_endpoint_hangs_up(idme, switches, endpoint):
    turn(switches, endpoint, "hang_up")

    with pytest.raises(requests.ConnectionError):
        call(idme, endpoint)


@pytest.mark.parametrize("endpoint", sorted(ENDPOINTS))
def test_an_endpoint_is_slow(idme, switches, endpoint):
    turn(switches, endpoint, "slow")
    before = time.monotonic()

    call(idme, endpoint)

    assert time.monotonic() - before >= SLOW_SECONDS


@pytest.mark.parametrize("endpoint", sorted(set(ENDPOINTS) - {"authorize"}))
def test_an_endpoint_answers_html(idme, switches, endpoint):
    turn(switches, endpoint, "html")

    answer = call(idme, endpoint)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")


def test_discovery_names_another_issuer(idme, switches):
    turn(switches, "discovery", "wrong_issuer")

    assert call(idme, "discovery").json()["issuer"] == OTHER


def test_the_way_back_names_another_issuer(idme, switches, newcomer):
    turn(switches, "authorize", "wrong_issuer")
    flow = PortalFlow(idme.origin, scope="openid")
    consent = newcomer.post(flow.path, {"decision": "deny"}, allow_redirects=False)

    assert query_of(consent)["iss"] == OTHER


def test_an_approved_push_names_another_issuer(idme, switches, ask, poll, phone):
    started = ask()
    phone.decide("approved", number="47")
    turn(switches, "token", "wrong_issuer")

    token = poll(started).json()["id_token"]

    claims = jwt.decode(token, keys_of(idme), algorithms=["RS256"]).claims
    assert claims["iss"] == OTHER


def test_an_approved_push_is_signed_with_an_expired_key(
    idme, switches, ask, poll, phone
):
    started = ask()
    phone.decide("approved", number="47")
    turn(switches, "token", "expired_key")

    token = poll(started).json()["id_token"]

    with pytest.raises((JoseError, ValueError)):
        jwt.decode(token, keys_of(idme), algorithms=["RS256"])


def test_userinfo_names_another_issuer(idme, switches, client_key):
    assert userinfo_of(idme, client_key)["iss"] != OTHER

    turn(switches, "userinfo", "wrong_issuer")

    assert userinfo_of(idme, client_key)["iss"] == OTHER


def test_userinfo_is_signed_with_an_expired_key(idme, switches, client_key):
    turn(switches, "userinfo", "expired_key")

    with pytest.raises((JoseError, ValueError)):
        userinfo_of(idme, client_key)


def test_back_to_normal_turns_everything_back(idme, switches):
    turn(switches, "discovery", "down")

    page = switches.get("/switches/")
    token = page.text.split('csrfmiddlewaretoken" value="')[1].split('"')[0]
    switches.web.post(
        f"{idme.origin}/switches/normal/", {"csrfmiddlewaretoken": token}, timeout=10
    )

    assert call(idme, "discovery").status_code == 200


def test_a_new_key_signs_and_the_old_one_stays_published(idme, switches, client_key):
    before = {key.kid for key in keys_of(idme).keys}

    page = switches.get("/switches/")
    token = page.text.split('csrfmiddlewaretoken" value="')[1].split('"')[0]
    switches.web.post(
        f"{idme.origin}/switches/rotate/", {"csrfmiddlewaretoken": token}, timeout=10
    )

    after = {key.kid for key in keys_of(idme).keys}
    assert before < after
    assert userinfo_of(idme, client_key)["sub"] == people.RILEY


@pytest.mark.parametrize("path", ["/switches/normal/", "/switches/rotate/"])
def test_looking_turns_nothing(idme, switches, path):
    turn(switches, "discovery", "down")

    assert switches.get(path).status_code == 405
    assert call(idme, "discovery").status_code == 503


def test_an_unknown_fault_is_refused(switches):
    page = turn(switches, "authorize", "expired_key")

    assert "Select a valid choice" in page.text
