"""How the portal may show the stand-in who it is."""

import pytest
from authlib.oauth2.rfc7523 import private_key_jwt_sign
from joserfc.jwk import ECKey

from tests.sandbox.visitor import refusal

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def test_the_client_secret_may_be_posted(ask, poll, phone):
    secret = {"client_id": "portal", "client_secret": "portal-secret"}
    started = ask(auth=None, **secret)
    phone.decide("approved", number="47")

    assert poll(started, auth=None, **secret).status_code == 200


def assertion_of(key, audience, **claims):
    signed = private_key_jwt_sign(
        key, "portal", audience, alg="ES256", header={"kid": "client-2"}, claims=claims
    )
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}


def test_a_signed_assertion_authenticates_once(
    idme, ask, poll, phone, client_signing_key
):
    assertion = assertion_of(client_signing_key, f"{idme.origin}/oauth/backchannel")
    started = ask(auth=None, **assertion)
    assert started.status_code == 200
    assert refusal(ask(auth=None, **assertion)) == (401, "invalid_client")

    phone.decide("approved", number="47")
    assertion = assertion_of(client_signing_key, f"{idme.origin}/oauth/token")
    assert poll(started, auth=None, **assertion).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "claims"),
    [
        ("key", {}),
        ("audience", {"aud": "https://elsewhere.example/token"}),
        ("expiry", {"exp": 1}),
        ("subject", {"sub": "somebody"}),
    ],
)
def test_a_bad_assertion_does_not_authenticate(
    idme, ask, phone, client_signing_key, wrong, claims
):
    key = ECKey.generate_key("P-256") if wrong == "key" else client_signing_key

    answer = ask(auth=None, **assertion_of(key, f"{idme.origin}/oauth/token", **claims))

    assert refusal(answer) == (401, "invalid_client")
    assert phone.approval() is None
