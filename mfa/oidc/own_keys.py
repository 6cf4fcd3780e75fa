"""The portal's own keys: one decrypts userinfo, one may sign as the client."""

import secrets
import time
from functools import cache
from pathlib import Path

from joserfc import jwt
from joserfc.errors import InvalidKeyTypeError
from joserfc.jwk import ECKey, RSAKey

from mfa.oidc.provider_settings import idme_settings

ASSERTION_LIFE = 60  # seconds


def userinfo_key() -> RSAKey:
    """Return the private key that decrypts userinfo."""
    return _userinfo_key(idme_settings().userinfo_key_file)


def client_key() -> RSAKey | ECKey:
    """Return the private key that this client signs with instead of a secret."""
    return _client_key(idme_settings().client_key_file)


def public_keys() -> dict:
    """Return the JWKS by which ID.me encrypts for this portal and verifies it."""
    keys: list[RSAKey | ECKey] = [userinfo_key()]
    keys += [client_key()] if idme_settings().client_key_file else []
    return {"keys": [key.as_dict(private=False) for key in keys]}


def assertion() -> str:
    """Return a new signed client assertion, valid for ASSERTION_LIFE; RFC 7523.

    Its audience is the issuer alone, whichever endpoint it is sent to.
    """
    key = client_key()
    now = int(time.time())
    claims = {
        "iss": idme_settings().client_id,
        "sub": idme_settings().client_id,
        "aud": idme_settings().issuer,
        "iat": now,
        "exp": now + ASSERTION_LIFE,
        "jti": secrets.token_urlsafe(24),
    }
    alg = str(key.get("alg"))
    return jwt.encode({"alg": alg, "kid": key.kid}, claims, key, algorithms=[alg])


@cache
def _userinfo_key(path: str) -> RSAKey:
    key = RSAKey.import_key(Path(path).read_bytes(), {"use": "enc", "alg": "RSA-OAEP"})
    key.ensure_kid()
    return key


@cache
def _client_key(path: str) -> RSAKey | ECKey:
    pem = Path(path).read_bytes()
    key: RSAKey | ECKey
    try:
        key = ECKey.import_key(pem, {"use": "sig", "alg": "ES256"})
    except InvalidKeyTypeError:
        key = RSAKey.import_key(pem, {"use": "sig", "alg": "RS256"})
    key.ensure_kid()
    return key
