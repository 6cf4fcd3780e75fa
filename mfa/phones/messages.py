"""What a phone sends: a compact JWS under ES256, by the one key that is on file.

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
CLOCK = 60  # seconds that the phone's clock may be off
MEMBERS = {"kty", "crv", "x", "y"}  # of a public key on a curve; RFC 7518 6.2.1
MALFORMED = (JoseError, ValueError, TypeError, AttributeError, RecursionError)
DIGITS = 6


class NotFromPhone(Exception):
    """No phone that is known signed this, just now, for this address."""


def public_key(jwk: object) -> ECKey:
    """Return the P-256 public key of a JWK; raise NotFromPhone on anything else."""
    if not isinstance(jwk, dict) or jwk.keys() != MEMBERS:
        raise NotFromPhone
    if jwk["kty"] != "EC" or jwk["crv"] != "P-256":
        raise NotFromPhone
    try:
        # Imported twice: x and y can be written in more than one way, a point cannot.
        return ECKey.import_key(ECKey.import_key(jwk).public_key)
    except MALFORMED:
        raise NotFromPhone from None


def stored(key: ECKey) -> str:
    """Return a public key as it is kept: one text for one key."""
    facts = key.as_dict(private=False)
    return rfc8785.dumps({name: facts[name] for name in sorted(MEMBERS)}).decode()


def stored_key(text: str) -> ECKey:
    return ECKey.import_key(json.loads(text))


def signer(token: object) -> uuid.UUID:
    """Return which device says that it signed; nothing is believed by that."""
    try:
        claimed = jws.extract_compact(_ascii(token))
        return uuid.UUID(claimed.headers()["kid"])
    except (*MALFORMED, KeyError):
        raise NotFromPhone from None


def verified(token: object, key: ECKey, *, path: str) -> dict:
    """Return what the holder of the key signed for this address within a minute.

    Raise NotFromPhone on anything else. Neither the algorithm nor the key is taken
    from the message.
    """
    try:
        signed = jwt.decode(_ascii(token), key, algorithms=[ALGORITHM])
    except MALFORMED:
        raise NotFromPhone from None
    claims = dict(signed.claims)
    issued_at = claims.get("iat")
    if type(issued_at) is not int or abs(int(time.time()) - issued_at) > CLOCK:
        raise NotFromPhone
    if claims.get("aud") != audience(path):
        raise NotFromPhone
    return claims


def audience(path: str) -> str:
    return settings.PORTAL_ORIGIN + path


def comparison_number(key: ECKey, *, device: uuid.UUID) -> str:
    """Return the digits by which a person sees that it is their phone's key."""
    told = f"{key.thumbprint()}.{device}".encode()
    number = int.from_bytes(hashlib.sha256(told).digest()[:4])
    return f"{number % 10**DIGITS:0{DIGITS}}"


def plain(text: str) -> str:
    """Return text that cannot reorder itself on a screen or hide a part of itself."""
    return "".join("\N{REPLACEMENT CHARACTER}" if _is_sly(one) else one for one in text)


def _is_sly(character: str) -> bool:
    kind = unicodedata.category(character)
    return kind in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def _ascii(token: object) -> bytes:
    if not isinstance(token, str):
        raise NotFromPhone
    return token.encode("ascii")
