"""The portal's own keys: what it publishes, and how it shows who it is."""

import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.urls import reverse
from joserfc import jwt
from joserfc.jwk import KeySet

from mfa.oidc import own_keys
from tests.keys import write_client_key

PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "k"}


@pytest.fixture(params=["ES256", "RS256"])
def client_key(request, settings, tmp_path):
    key = {
        "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "RS256": lambda: rsa.generate_private_key(65537, 2048),
    }[request.param]()
    settings.IDME_CLIENT_KEY_FILE = str(write_client_key(tmp_path, key))
    settings.IDME_CLIENT_SECRET = ""
    return request.param


def test_with_a_secret_only_the_key_for_userinfo_is_published(client):
    (key,) = client.get(reverse("idme-jwks")).json()["keys"]

    assert (key["kty"], key["use"], key["alg"]) == ("RSA", "enc", "RSA-OAEP")
    assert key["kid"]
    assert not PRIVATE & set(key)


def test_both_keys_are_published_and_told_apart(client, client_key):
    userinfo, signing = client.get(reverse("idme-jwks")).json()["keys"]

    assert (userinfo["use"], userinfo["alg"]) == ("enc", "RSA-OAEP")
    assert (signing["use"], signing["alg"]) == ("sig", client_key)
    assert signing["kid"] != userinfo["kid"]
    assert not PRIVATE & set(signing)


def test_the_portal_shows_who_it_is_to_the_issuer_alone_and_for_a_minute(
    client, client_key, settings
):
    published = KeySet.import_key_set(client.get(reverse("idme-jwks")).json())

    token = jwt.decode(own_keys.assertion(), published, algorithms=[client_key])

    claims = token.claims
    assert claims["iss"] == claims["sub"] == settings.IDME_CLIENT_ID
    assert claims["aud"] == settings.IDME_ISSUER
    assert claims["iat"] == pytest.approx(time.time(), abs=5)
    assert claims["exp"] - claims["iat"] == 60


def test_each_proof_is_for_one_use(client_key):
    key = own_keys.client_key()
    proofs = [own_keys.assertion() for _ in range(3)]

    names = {jwt.decode(p, key, algorithms=[client_key]).claims["jti"] for p in proofs}

    assert len(names) == 3
