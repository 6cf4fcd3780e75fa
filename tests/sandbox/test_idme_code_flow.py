import time

import pytest
import requests
from joserfc import jwe, jwt
from joserfc.jwk import KeySet

from tests.sandbox import people
from tests.sandbox.visitor import PortalFlow, allow, query_of


@pytest.fixture
def verified(newcomer):
    """A newcomer who is signed in and whose identity is verified."""
    newcomer.post(
        "/account/verify-identity/", {"document": "passport", "understood": "on"}
    )
    return newcomer


@pytest.fixture
def flow(idme):
    return PortalFlow(idme.origin)


@pytest.fixture
def tokens(verified, flow):
    return flow.redeem(allow(verified, flow)["code"]).json()


@pytest.fixture
def provider_keys(idme):
    return KeySet.import_key_set(
        requests.get(f"{idme.origin}/oidc/.well-known/jwks", timeout=10).json()
    )


def claims_in(answer, client_key, provider_keys):
    opened = jwe.decrypt_compact(
        answer.text, client_key, algorithms=["RSA-OAEP", "A256CBC-HS512"]
    )
    assert opened.headers()["cty"] == "JWT"
    return jwt.decode(opened.plaintext, provider_keys, algorithms=["RS256"]).claims


def test_discovery_names_the_endpoints_and_offers_no_logout(idme):
    found = requests.get(
        f"{idme.origin}/oidc/.well-known/openid-configuration", timeout=10
    ).json()

    assert found["issuer"] == f"{idme.origin}/oidc"
    assert found["authorization_endpoint"] == f"{idme.origin}/oauth/authorize"
    assert found["token_endpoint"] == f"{idme.origin}/oauth/token"
    assert found["userinfo_endpoint"] == f"{idme.origin}/api/public/v3/userinfo"
    assert found["jwks_uri"] == f"{idme.origin}/oidc/.well-known/jwks"
    assert "end_session_endpoint" not in found


def test_published_keys_hold_nothing_private(idme):
    keys = requests.get(f"{idme.origin}/oidc/.well-known/jwks", timeout=10).json()

    assert {key["alg"] for key in keys["keys"]} == {"RS256"}
    assert all("d" not in key and key["kid"] for key in keys["keys"])


def test_a_code_buys_an_id_token_for_this_client_and_nonce(
    verified, flow, client_key, provider_keys
):
    before = int(time.time())
    back = allow(verified, flow)
    answer = flow.redeem(back["code"])

    assert back["state"] == flow.parameters["state"]
    assert back["iss"] == f"{flow.origin}/oidc"
    assert answer.status_code == 200
    body = answer.json()
    assert body["expires_in"] == 300
    assert body["refresh_expires_in"] == 604800
    token = jwt.decode(body["id_token"], provider_keys, algorithms=["RS256"])
    assert token.header["kid"] in {key.kid for key in provider_keys.keys}
    assert token.claims["iss"] == f"{flow.origin}/oidc"
    assert token.claims["aud"] == "portal"
    assert token.claims["nonce"] == flow.nonce
    assert before - 60 <= token.claims["auth_time"] <= time.time()
    assert token.claims["exp"] > token.claims["iat"]
    assert token.claims["amr"] == ["mfa", "otp"]
    [device] = claims_in(
        flow.userinfo(body["access_token"]), client_key, provider_keys
    )["mfa_devices"]
    assert token.claims["mfa_device"] == device["id"]


def test_userinfo_is_encrypted_to_the_client_and_lists_the_devices(
    verified, flow, tokens, client_key, provider_keys
):
    answer = flow.userinfo(tokens["access_token"])

    assert answer.headers["Content-Type"] == "application/jwt"
    claims = claims_in(answer, client_key, provider_keys)
    id_token = jwt.decode(tokens["id_token"], provider_keys, algorithms=["RS256"])
    assert claims["sub"] == claims["uuid"] == id_token.claims["sub"]
    assert claims["email"] == verified.email
    assert (claims["fname"], claims["lname"]) == ("Nell", "Newcomer")
    assert (claims["credential_ial"], claims["credential_aal"]) == (2, 2)
    assert claims["multifactor"] is True
    [device] = claims["mfa_devices"]
    assert device["name"] == "MyiPhone"
    assert device["type"] == "code_generator"
    assert device["secret"] == verified.secret
    assert (device["algorithm"], device["digits"], device["period"]) == ("SHA1", 6, 30)


def test_an_access_token_is_good_for_one_call(flow, tokens):
    first = flow.userinfo(tokens["access_token"])
    second = flow.userinfo(tokens["access_token"])

    assert (first.status_code, second.status_code) == (200, 401)
    assert "invalid_token" in second.headers["WWW-Authenticate"]


def test_a_made_up_access_token_is_refused(flow):
    assert flow.userinfo("made-up").status_code == 401


def test_a_refresh_token_stays_the_same_and_buys_more_than_once(
    flow, tokens, client_key, provider_keys
):
    for _ in range(2):
        answer = flow.token(
            {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        )
        assert answer.status_code == 200
        assert "refresh_token" not in answer.json()
        assert "id_token" not in answer.json()
        claims = claims_in(
            flow.userinfo(answer.json()["access_token"]), client_key, provider_keys
        )
        assert claims["mfa_devices"]


def test_the_seeded_refresh_token_brings_rileys_devices(
    flow, client_key, provider_keys
):
    answer = flow.token(
        {
            "grant_type": "refresh_token",
            "refresh_token": "seeded-refresh-token-of-riley",
        }
    )

    claims = claims_in(
        flow.userinfo(answer.json()["access_token"]), client_key, provider_keys
    )
    assert claims["sub"] == people.RILEY
    listed = claims["mfa_devices"]
    assert {device["name"]: device.get("secret") for device in listed} == {
        "MyiPhone": people.MY_IPHONE,
        "OfficeiPad": people.OFFICE_IPAD,
        "RileyPush": None,
    }


def test_another_verifier_is_refused(verified, flow):
    answer = flow.redeem(allow(verified, flow)["code"], code_verifier="w" * 64)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_no_verifier_is_refused(verified, flow):
    answer = flow.redeem(allow(verified, flow)["code"], code_verifier="")

    assert answer.status_code == 400


def test_a_wrong_client_secret_is_refused(verified, flow):
    code = allow(verified, flow)["code"]
    answer = flow.token(
        {"grant_type": "authorization_code", "code": code}, auth=("portal", "guess")
    )

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_using_a_code_again_is_refused_and_revokes_its_tokens(verified, flow):
    code = allow(verified, flow)["code"]
    tokens = flow.redeem(code).json()

    again = flow.redeem(code)

    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert flow.userinfo(tokens["access_token"]).status_code == 401
    refreshed = flow.token(
        {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    )
    assert refreshed.status_code == 400


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"client_id": "stranger"}, "invalid_client"),
        ({"redirect_uri": "http://localhost:8999/elsewhere/"}, "invalid_request"),
    ],
)
def test_a_stranger_is_told_on_a_page_with_status_200(idme, newcomer, wrong, error):
    answer = newcomer.get(PortalFlow(idme.origin, **wrong).path, allow_redirects=False)

    assert answer.status_code == 200
    assert "We cannot send you on" in answer.text
    assert error in answer.text


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"nonce": None}, "invalid_request"),
        ({"scope": "openid payroll"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
)
def test_a_bad_request_goes_back_to_the_client(idme, newcomer, wrong, error):
    flow = PortalFlow(idme.origin, **wrong)
    answer = newcomer.get(flow.path, allow_redirects=False)

    assert answer.status_code == 302
    assert query_of(answer)["error"] == error
    assert query_of(answer)["state"] == flow.parameters["state"]


def test_denying_goes_back_with_access_denied(verified, flow):
    answer = verified.post(flow.path, {"decision": "deny"}, allow_redirects=False)

    assert query_of(answer)["error"] == "access_denied"


def test_an_unverified_identity_is_verified_first(newcomer, flow):
    answer = newcomer.get(flow.path)

    assert "Pretend documents" in answer.text


def test_consent_is_asked_once(verified, idme):
    allow(verified, PortalFlow(idme.origin))
    second = verified.get(PortalFlow(idme.origin).path, allow_redirects=False)

    assert "code" in query_of(second)


@pytest.mark.parametrize("demand", [{"prompt": "login"}, {"max_age": "0"}])
def test_a_fresh_sign_in_is_asked_for_and_then_believed(verified, idme, demand):
    flow = PortalFlow(idme.origin, **demand)
    asked_at = int(time.time())
    assert "Step 1 of 3" in verified.get(flow.path).text

    answer = verified.sign_in(flow.path, secret=verified.secret)

    assert "EPCS Portal wants" in answer.text
    answer = verified.post(flow.path, {"decision": "allow"}, allow_redirects=False)
    tokens = flow.redeem(query_of(answer)["code"]).json()
    payload = jwt.decode(
        tokens["id_token"],
        KeySet.import_key_set(
            requests.get(f"{idme.origin}/oidc/.well-known/jwks", timeout=10).json()
        ),
        algorithms=["RS256"],
    ).claims
    assert payload["auth_time"] >= asked_at


def test_a_stranger_cannot_be_signed_in_silently(idme, flow):
    quiet = PortalFlow(idme.origin, prompt="none")
    answer = requests.get(idme.origin + quiet.path, allow_redirects=False, timeout=10)

    assert query_of(answer)["error"] == "login_required"
