"""Messages of a paired phone: compact JWS, ES256, by the one key on file.

RFC 7515, RFC 7638, RFC 8725. No HTTP and no database here.
"""

import hashlib
import json
import time
import unicodedata
import uuid

import rfc8785
from django.conf import settings
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

ALGORITHM = "ES256"
LEEWAY = 60  # seconds that the phone's clock may be off
MEMBERS = {"kty", "crv", "x", "y"}  # of a public key on a curve; RFC 7518 6.2.1
MALFORMED = (JoseError, ValueError, TypeError, AttributeError, RecursionError)
DIGITS = 6


class NotFromPhone(Exception):
    """No known phone signed this, just now, for this address."""


def public_key(jwk: object) -> ECKey:
    """Return the P-256 public key of a JWK; raise NotFromPhone on anything else."""
    if not isinstance(jwk, dict) or jwk.keys() != MEMBERS:
        raise NotFromPhone
    if jwk["kty"] != "EC" or jwk["crv"] != "P-256":
        raise NotFromPhone
    try:
        # Imported twice: x and y have several encodings, the point has one.
        return ECKey.import_key(ECKey.import_key(jwk).public_key)
    except MALFORMED:
        raise NotFromPhone from None


def stored(key: ECKey) -> str:
    """Return the text a public key is stored as, the same for the same key."""
    jwk = key.as_dict(private=False)
    return rfc8785.dumps({name: jwk[name] for name in sorted(MEMBERS)}).decode()


def stored_key(text: str) -> ECKey:
    """Return the public key of a stored text; the inverse of `stored`."""
    return ECKey.import_key(json.loads(text))


def signer(token: object) -> uuid.UUID:
    """Return the device id that a message claims, still unverified.

    Raise NotFromPhone.
    """
    try:
        claimed = jws.extract_compact(_ascii(token))
        return uuid.UUID(claimed.headers()["kid"])
    except (*MALFORMED, KeyError):
        raise NotFromPhone from None


def verified(token: object, key: ECKey, *, path: str) -> dict:
    """Return the claims signed with this key for this path, within LEEWAY of now.

    Raise NotFromPhone on anything else. Neither the algorithm nor the key is taken
    from the message (RFC 8725 3.1).
    """
    try:
        signed = jwt.decode(_ascii(token), key, algorithms=[ALGORITHM])
    except MALFORMED:
        raise NotFromPhone from None
    claims = dict(signed.claims)
    issued_at = claims.get("iat")
    if type(issued_at) is not int or abs(int(time.time()) - issued_at) > LEEWAY:
        raise NotFromPhone
    if claims.get("aud") != audience(path):
        raise NotFromPhone
    return claims


def audience(path: str) -> str:
    """Return the `aud` claim of a message to this path: its absolute URL."""
    return settings.PORTAL_ORIGIN + path


def comparison_number(key: ECKey, *, device: uuid.UUID) -> str:
    """Return the digits by which a person compares the key with their phone's."""
    compared = f"{key.thumbprint()}.{device}".encode()
    number = int.from_bytes(hashlib.sha256(compared).digest()[:4])
    return f"{number % 10**DIGITS:0{DIGITS}}"


def plain(text: str) -> str:
    """Return text without characters that reorder or hide others on a screen."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if _is_hidden(character) else character
        for character in text
    )


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def _ascii(token: object) -> bytes:
    if not isinstance(token, str):
        raise NotFromPhone
    return token.encode("ascii")
