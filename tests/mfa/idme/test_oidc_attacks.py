"""What an attacker, a broken provider or a broken network can send, row by row.

Every row ends the same way: a plain page, nobody linked, nothing left in the session,
and one failure in the record.
"""

import base64
import json
import time

import pytest
import requests
import time_machine
from django.urls import reverse
from joserfc import jws
from joserfc.jwk import OctKey

from audit.acts import Act, Outcome
from audit.models import Event
from mfa.idme import pending
from mfa.models import IdmeAccount
from tests.mfa.idme.provider import BASE, MISSING, rsa_key

HOUR = 3600
YEAR = 365 * 24 * HOUR


def lie(place, **lies):
    return lambda idme: getattr(idme, place).update(lies)


def lie_about_time(**offsets):
    def tell(idme):
        now = int(time.time())
        idme.id_token.update({name: now + s for name, s in offsets.items()})

    return tell


def forged(forge):
    return lambda idme: setattr(idme, "forge", forge)


def alg_none(claims):
    return f"{_b64({'alg': 'none'})}.{_b64(claims)}."


def signed_with_the_public_key(claims):
    public = rsa_key("k1").as_pem(private=False)
    header = {"alg": "HS256", "kid": "k1"}
    signing_input = f"{_b64(header)}.{_b64(claims)}"
    key = OctKey.import_key(base64.urlsafe_b64encode(public).decode())
    signature = jws.serialize_compact(
        header, json.dumps(claims).encode(), key, algorithms=["HS256"]
    ).split(".")[2]
    return f"{signing_input}.{signature}"


def own_key_in(**header):
    """Sign with the attacker's key, and name that key in the header."""

    def tell(idme):
        idme.signer = rsa_key("attacker")
        idme.header.update({"kid": "k1"} | header)

    return tell


def metadata_lists_none(idme):
    idme.metadata["id_token_signing_alg_values_supported"] = ["none"]
    idme.forge = alg_none


def userinfo_as(form):
    return lambda idme: setattr(idme, "userinfo_as", form)


def _b64(value):
    raw = json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


ATTACKER_JWK = rsa_key("attacker").as_dict(private=False)

LIES = {
    "F05 the ID token is for another client": lie("id_token", aud="other"),
    "F05 for another client, though we are azp": lie(
        "id_token", aud="other", azp="portal"
    ),
    "F05 for a list of another client, we are azp": lie(
        "id_token", aud=["other"], azp="portal"
    ),
    "F05 for us and another client": lie("id_token", aud=["portal", "other"]),
    "F05 for us, issued to another client": lie("id_token", azp="other"),
    "F05 for nobody": lie("id_token", aud=MISSING),
    "F07 another issuer": lie("id_token", iss="https://evil.test/oidc"),
    "F07 issuer with a trailing slash": lie("id_token", iss=f"{BASE}/oidc/"),
    "F07 issuer over http": lie("id_token", iss="http://idme.test/oidc"),
    "F07 no issuer": lie("id_token", iss=MISSING),
    "F08 alg none": forged(alg_none),
    "F08 alg none, and the metadata allows it": metadata_lists_none,
    "F09 HS256 with the public key as the secret": forged(signed_with_the_public_key),
    "F10 jwk header with the attacker's key": own_key_in(jwk=ATTACKER_JWK),
    "F10 jku header to the attacker's keys": own_key_in(jku="https://evil.test/jwks"),
    "F10 x5u header to the attacker's certificate": own_key_in(
        x5u="https://evil.test/"
    ),
    "F10 the attacker's key under ID.me's key id": own_key_in(),
    "F11 a critical header that nobody knows": lie("header", crit=["x"], x=1),
    "F12 a header of 10 kB": lie("header", junk="x" * 10_000),
    "F13 a key id that nobody knows": lie("header", kid="unknown"),
    "F14 expired 60 seconds ago": lie_about_time(exp=-60),
    "F14 issued in an hour": lie_about_time(iat=HOUR),
    "F14 issued a year ago": lie_about_time(iat=-YEAR),
    "F14 issued 6 minutes ago": lie_about_time(iat=-360),
    "F14 valid from tomorrow": lie_about_time(nbf=24 * HOUR),
    "F14 never expires": lie("id_token", exp=MISSING),
    "F14 issued at no time": lie("id_token", iat=MISSING),
    "F14 times as words": lie("id_token", exp="soon", iat="now"),
    "F15 no nonce": lie("id_token", nonce=MISSING),
    "F15 an empty nonce": lie("id_token", nonce=""),
    "F15 the nonce of another sign-in": lie("id_token", nonce="other"),
    "F15 the hash of another access token": lie(
        "id_token", at_hash="AAAAAAAAAAAAAAAAAAAAAA"
    ),
    "F16 no ID token": lie("token", id_token=MISSING),
    "F16 an ID token that is none": lie("token", id_token="a.b.c"),
    "F16 an ID token that is a number": lie("token", id_token=7),
    "F16 no subject": lie("id_token", sub=MISSING),
    "F16 an empty subject": lie("id_token", sub=""),
    "F16 a subject of 10 kB": lie("id_token", sub="s" * 10_000),
    "F16 a subject that is a number": lie("id_token", sub=7),
    "F16 no access token": lie("token", access_token=MISSING),
    "F18 userinfo about somebody else": lie("userinfo", sub="somebody-else"),
    "F18 userinfo of another issuer": lie("userinfo", iss="https://evil.test/oidc"),
    "F18 userinfo for another client": lie("userinfo", aud="other"),
    "F18 userinfo that expired": lie("userinfo", exp=1),
    "F18 userinfo encrypted but not signed": userinfo_as("sealed-unsigned"),
    "F20 granted for another policy": lie(
        "token", scope="openid http://idmanagement.gov/ns/assurance/ial/1/aal/1"
    ),
    "F07 metadata of another issuer": lie("metadata", issuer="https://evil.test/oidc"),
    "F07 metadata without an issuer": lie("metadata", issuer=MISSING),
    "F07 issuer of the metadata with a slash": lie("metadata", issuer=f"{BASE}/oidc/"),
    "F07 metadata that leads out of TLS": lie(
        "metadata", token_endpoint="http://idme.test/oauth/token"
    ),
    "F07 metadata without keys": lie("metadata", jwks_uri=MISSING),
}


@pytest.mark.parametrize("tell", LIES.values(), ids=LIES)
def test_a_lie_links_nobody(sign_in, idme, client, tell):
    tell(idme)

    response = sign_in()

    assert_refused(response, client)
    fetched = {call.request.url.split("?")[0] for call in idme.mock.calls}
    assert not [url for url in fetched if not url.startswith(BASE)]


LEVELS = {
    "no levels": {"credential_ial": MISSING, "credential_aal": MISSING},
    "no AAL": {"credential_aal": MISSING},
    "IAL1": {"credential_ial": 1},
    "AAL1": {"credential_aal": "1"},
    "true for a level": {"credential_ial": True, "credential_aal": True},
    "a list": {"credential_ial": [2]},
    "a fraction": {"credential_ial": 2.5},
    "words": {"credential_ial": "two"},
    "full-width digit": {"credential_ial": "２"},
    "null": {"credential_ial": None},
}


@pytest.mark.parametrize(
    "levels", LEVELS.values(), ids=[f"F20 {id_}" for id_ in LEVELS]
)
@pytest.mark.cfr("1311.105(a)(1)")
def test_an_identity_below_the_level_is_refused_with_the_reason(
    sign_in, idme, client, levels
):
    idme.userinfo.update(levels)

    response = sign_in()

    assert_refused(response, client, status=403, act=Act.IDME_LINK_REFUSED)
    assert b"identity" in response.content


@pytest.mark.parametrize("level", [2, "2", 3])
def test_levels_may_be_numbers_or_digits(sign_in, idme, level):
    idme.userinfo.update(credential_ial=level, credential_aal=level)

    assert sign_in().status_code == 302


CALLBACKS = {
    "F02 no state": {"state": None},
    "F02 an empty state": {"state": ""},
    "F02 garbage for a state": {"state": "garbage"},
    "F02 a state of 10 kB": {"state": "s" * 10_000},
    "F03 no code": {"code": None},
    "F03 a code that ID.me never gave": {"code": "invented"},
    "F17 the answer of another issuer": {"iss": "https://evil.test/oidc"},
    "F22 an error with a script": {
        "error": "access_denied",
        "error_description": "<script>alert(1)</script>",
    },
    "F22 an error that nobody knows": {"error": "<b>surprise</b>"},
    "F22 an error without a state": {"error": "access_denied", "state": None},
}


@pytest.mark.parametrize("changes", CALLBACKS.values(), ids=CALLBACKS)
def test_a_bad_callback_links_nobody(sign_in, client, changes):
    response = sign_in(**changes)

    # A callback without the right state must not end the sign-in it does not belong to.
    has_state = "state" not in changes
    assert_refused(response, client, is_over=has_state)
    assert b"script>alert" not in response.content
    assert b"surprise" not in response.content


def test_f17_a_promised_iss_that_is_missing_is_refused(sign_in, idme, client):
    idme.metadata["authorization_response_iss_parameter_supported"] = True

    assert_refused(sign_in(iss=None), client)


def test_f17_without_a_promise_iss_may_be_missing(sign_in):
    assert sign_in(iss=None).status_code == 302


def test_f01_the_challenge_is_s256_and_another_verifier_is_refused(client, nora, idme):
    client.force_login(nora)
    started = client.get(reverse("idme-start"))
    answer = idme.authorize(started.url)
    assert idme.challenges[0]["code_challenge_method"] == "S256"
    session = client.session
    key = f"_state_idme_{answer['state']}"
    session[key]["data"]["code_verifier"] = "v" * 64
    session.save()

    assert_refused(client.get(reverse("idme-callback"), answer), client)


def test_f01_metadata_cannot_switch_pkce_off(client, nora, idme):
    idme.metadata.update(code_challenge_method=None, scope="openid")
    client.force_login(nora)

    idme.authorize(client.get(reverse("idme-start")).url)

    assert idme.challenges[0]["code_challenge_method"] == "S256"
    assert "ial/2" in idme.challenges[0]["scope"]


def test_f04_a_state_works_once(client, nora, idme):
    client.force_login(nora)
    answer = idme.authorize(client.get(reverse("idme-start")).url)
    assert client.get(reverse("idme-callback"), answer).status_code == 302

    again = client.get(reverse("idme-callback"), answer)

    assert again.status_code == 400
    assert idme.count("/oauth/token") == 1


def test_f04_a_state_dies_after_10_minutes(client, nora, idme):
    client.force_login(nora)
    answer = idme.authorize(client.get(reverse("idme-start")).url)

    with time_machine.travel(time.time() + pending.STATE_LIFE + 1):
        response = client.get(reverse("idme-callback"), answer)

    assert_refused(response, client)
    assert idme.count("/oauth/token") == 0


def test_f04_a_state_belongs_to_one_session(client, nora, idme, mallory):
    client.force_login(mallory)
    answer = idme.authorize(client.get(reverse("idme-start")).url)
    client.logout()
    client.force_login(nora)

    assert_refused(client.get(reverse("idme-callback"), answer), client)


def test_f13_unknown_key_ids_do_not_fetch_keys_each_time(sign_in, idme):
    idme.header["kid"] = "unknown"

    for _ in range(20):
        assert sign_in().status_code == 400

    assert idme.count("/oidc/.well-known/jwks") == 2


def test_f13_rotated_keys_are_found(sign_in, idme, monkeypatch):
    assert sign_in().status_code == 302
    idme.signer = rsa_key("k2")
    idme.published.append(rsa_key("k2"))
    monkeypatch.setattr("mfa.idme.discovery.KEYS_APART", -1)

    assert sign_in().status_code == 302
    assert idme.count("/oidc/.well-known/jwks") == 2


FAILURES = {
    "down": requests.ConnectionError("refused"),
    "slow": requests.ReadTimeout("30 s"),
    "TLS error": requests.exceptions.SSLError("self-signed"),
    "HTTP 500": (500, "oops"),
    "HTTP 429": (429, "{}"),
    "HTML instead of JSON": (200, "<html>maintenance</html>"),
    "a list instead of an object": (200, "[]"),
    "nothing at all": (200, ""),
    "1 MB": (200, "x" * 1_000_000),
    "redirect loop": (302, ""),
}
ENDPOINTS = {
    "discovery": ("GET", "/oidc/.well-known/openid-configuration"),
    "token": ("POST", "/oauth/token"),
    "keys": ("GET", "/oidc/.well-known/jwks"),
    "userinfo": ("GET", "/api/public/v3/userinfo"),
}


@pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=ENDPOINTS)
@pytest.mark.parametrize(
    "failure", FAILURES.values(), ids=[f"F23 {f}" for f in FAILURES]
)
def test_a_provider_out_of_order_gets_a_friendly_page(
    sign_in, idme, client, endpoint, failure
):
    method, path = endpoint
    idme.mock.remove(method, BASE + path)
    if isinstance(failure, Exception):
        idme.mock.add(method, BASE + path, body=failure)
    else:
        status, body = failure
        headers = {"Location": BASE + path} if status == 302 else {}
        idme.mock.add(method, BASE + path, status=status, body=body, headers=headers)

    response = sign_in()

    assert_refused(response, client, status=503)
    assert b"ID.me cannot be reached" in response.content


def test_f25_a_callback_is_a_get(client, nora, idme):
    client.force_login(nora)
    answer = idme.authorize(client.get(reverse("idme-start")).url)

    assert client.post(reverse("idme-callback"), answer).status_code == 405
    assert client.head(reverse("idme-callback"), answer).status_code == 405
    assert not IdmeAccount.objects.exists()


@pytest.mark.parametrize("name", ["code", "state", "iss", "error"])
def test_f25_a_parameter_given_twice_is_refused(client, nora, idme, name):
    client.force_login(nora)
    answer = idme.authorize(client.get(reverse("idme-start")).url)
    doubled = answer | {name: ["other", answer.get(name, "access_denied")]}

    assert_refused(client.get(reverse("idme-callback"), doubled), client)


def test_f25_extra_parameters_change_nothing(sign_in):
    assert sign_in(user="admin", next="https://evil.test/").url == reverse("erx-info")


@pytest.mark.parametrize(
    "auth_time",
    [
        MISSING,
        pytest.param(int(time.time()) - HOUR, id="an hour ago"),
        "now",
        True,
        None,
        1e400,
    ],
)
def test_f26_an_old_sign_in_is_not_a_fresh_one(sign_in, idme, client, auth_time):
    idme.id_token["auth_time"] = auth_time

    response = sign_in(purpose="fresh")

    assert_refused(response, client)
    assert "idme_authenticated_at" not in client.session


def test_f26_linking_without_a_sign_in_time_says_that_it_is_not_fresh(
    sign_in, idme, client
):
    idme.id_token["auth_time"] = MISSING

    assert sign_in().status_code == 302
    assert "idme_authenticated_at" not in client.session


def test_f28_many_starts_keep_the_session_small(client, nora, idme):
    client.force_login(nora)
    locations = [client.get(reverse("idme-start")).url for _ in range(100)]

    assert len(json.dumps(dict(client.session.items()))) < 8_000
    newest = idme.authorize(locations[-1])
    oldest = idme.authorize(locations[0])
    assert client.get(reverse("idme-callback"), oldest).status_code == 400
    assert client.get(reverse("idme-callback"), newest).status_code == 302


def test_f29_the_host_header_does_not_lead_the_answer_away(client, nora, idme):
    client.force_login(nora)

    assert client.get(reverse("idme-start"), HTTP_HOST="evil.com").status_code == 400
    idme.authorize(client.get(reverse("idme-start"), HTTP_HOST="localhost").url)
    expected = "http://testserver" + reverse("idme-callback")
    assert idme.challenges[0]["redirect_uri"] == expected


@pytest.mark.parametrize(
    "path",
    [
        "//evil.test",
        "https://evil.test/",
        "https:evil.test",
        "\\\\evil.test",
        "/\\evil.test",
        "javascript:alert(1)",
        "/%0d\r\nSet-Cookie: a=b",
        "http://testserver.evil.test/",
        "/" + "a" * 5_000,
        "settings/",
    ],
)
def test_g07_coming_back_leads_to_this_site_only(sign_in, path):
    assert sign_in(next_path=path).url == reverse("erx-info")


def assert_refused(response, client, *, status=None, act=None, is_over=True):
    assert response.status_code in ([status] if status else [400, 503])
    assert "mfa/idme/refused.html" in [t.name for t in response.templates]
    assert not IdmeAccount.objects.exists()
    if is_over:
        left = [key for key in dict(client.session) if key.startswith("_state")]
        assert left == []
    came_back = response.wsgi_request.path == reverse("idme-callback")
    expected = [act or Act.IDME_SIGN_IN_FAILED] if came_back else []
    failures = Event.objects.filter(outcome=Outcome.FAILURE)
    assert [event.act for event in failures] == expected
