"""Checks of what ID.me signs and encrypts; no HTTP and no database here.

OpenID Connect Core 3.1.3.7 and 5.3, RFC 8725. Algorithms are pinned here and are
never taken from a token or from the provider's metadata.
"""

import time
from collections.abc import Callable

from authlib.oauth2.rfc6749 import OAuth2Error
from authlib.oidc.core import CodeIDToken
from joserfc import jwe, jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwe import JWERegistry
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from audit.reasons import Reason
from mfa.oidc import own_keys
from mfa.oidc.errors import IdmeRefused
from mfa.oidc.provider_settings import idme_settings

# Unknown headers are ignored, as RFC 7515 4 requires; `crit` ones are refused.
SIGNATURES = JWSRegistry(algorithms=["RS256", "ES256"], strict_check_header=False)
ENCRYPTIONS = JWERegistry(
    algorithms=["RSA-OAEP", "A256CBC-HS512"], strict_check_header=False
)
LEEWAY = 30  # seconds
ISSUED_WITHIN = 300  # seconds
LATEST = 2**53  # seconds; RFC 8259 6
MAX_SUBJECT = 255
REQUEST_ID_CLAIM = "urn:openid:params:jwt:claim:auth_req_id"  # CIBA Core 10.3.1

# Called with True when the key id is unknown: the keys are fetched again.
KeysOf = Callable[[bool], KeySet]


def signed_claims(token: object, *, keys: KeysOf) -> tuple[dict, dict]:
    """Return header and claims of a JWS signed by one of ID.me's keys.

    Raise IdmeRefused on anything else. Keys named by the token itself (jwk, jku, x5u)
    are ignored.
    """
    if not isinstance(token, str):
        raise IdmeRefused(Reason.BAD_ANSWER)
    try:
        try:
            signed = jwt.decode(token, keys(False), registry=SIGNATURES)
        except InvalidKeyIdError:
            signed = jwt.decode(token, keys(True), registry=SIGNATURES)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        raise IdmeRefused(Reason.BAD_ANSWER) from None
    if signed.header.get("b64", True) is not True:  # RFC 7797 7: never in a JWT
        raise IdmeRefused(Reason.BAD_ANSWER)
    return signed.header, dict(signed.claims)


def check_id_token(
    header: dict, claims: dict, *, nonce: str, access_token: str
) -> None:
    """Raise IdmeRefused unless the ID token is ID.me's, for us, for this nonce, new.

    OpenID Connect Core 3.1.3.7.
    """
    if not nonce:
        raise IdmeRefused(Reason.BAD_ANSWER)
    _check_id_token(header, claims, nonce=nonce, access_token=access_token)


def check_backchannel_id_token(
    header: dict, claims: dict, *, subject: str, request_id: str, access_token: str
) -> None:
    """Raise IdmeRefused unless the ID token answers this request for this subject.

    There is no nonce: the request is named by its id, over our own connection.
    """
    _check_id_token(header, claims, access_token=access_token)
    if claims["sub"] != subject:
        raise IdmeRefused(Reason.BAD_ANSWER)
    if claims.get(REQUEST_ID_CLAIM, request_id) != request_id:
        raise IdmeRefused(Reason.BAD_ANSWER)
    _seconds(claims.get("auth_time"))


def check_userinfo(claims: dict, *, subject: str, is_signed: bool) -> None:
    """Raise IdmeRefused unless the claims are about `subject` and, if signed, for us."""
    if is_signed:
        _check_from_idme_for_us(claims)
        if "exp" in claims and _seconds(claims["exp"]) < time.time() - LEEWAY:
            raise IdmeRefused(Reason.BAD_ANSWER)
        if "iat" in claims:
            _check_just_issued(claims)
    if claims.get("sub") != subject:
        raise IdmeRefused(Reason.BAD_ANSWER)


def decrypted(token: str) -> str:
    """Return the JWS inside a JWE for our key; raise IdmeRefused on anything else."""
    try:
        sealed = jwe.decrypt_compact(
            token, own_keys.userinfo_key(), registry=ENCRYPTIONS
        )
        return (sealed.plaintext or b"").decode()
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        raise IdmeRefused(Reason.BAD_ANSWER) from None


def _check_from_idme_for_us(claims: dict) -> None:
    us = idme_settings().client_id
    subject = claims.get("sub")
    if (
        claims.get("iss") != idme_settings().issuer
        or claims.get("aud") not in (us, [us])
        or claims.get("azp", us) != us
        or not isinstance(subject, str)
        or not 0 < len(subject) <= MAX_SUBJECT
        or not (subject.isascii() and subject.isprintable())  # Core 2
    ):
        raise IdmeRefused(Reason.BAD_ANSWER)


def _check_just_issued(claims: dict) -> None:
    age = time.time() - _seconds(claims.get("iat"))
    if not -LEEWAY <= age <= ISSUED_WITHIN:
        raise IdmeRefused(Reason.BAD_ANSWER)


def _check_id_token(header: dict, claims: dict, **expected: str) -> None:
    _check_from_idme_for_us(claims)
    _seconds(claims.get("exp"))
    params = expected | {"client_id": idme_settings().client_id}
    id_token = CodeIDToken(claims, header, options=_required(), params=params)
    try:
        id_token.validate(leeway=LEEWAY)
    except (JoseError, OAuth2Error, ValueError, TypeError, AttributeError):
        raise IdmeRefused(Reason.BAD_ANSWER) from None
    if "at_hash" in claims and not claims["at_hash"]:  # authlib takes it for none
        raise IdmeRefused(Reason.BAD_ANSWER)
    _check_just_issued(claims)


def _required() -> dict[str, dict[str, object]]:
    return {
        "iss": {"essential": True, "value": idme_settings().issuer},
        "aud": {"essential": True, "value": idme_settings().client_id},
    }


def _seconds(value: object) -> float:
    """Return seconds since 1970; JSON lets NaN, infinity and 10^400 in."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise IdmeRefused(Reason.BAD_ANSWER)
    if not abs(value) <= LATEST:
        raise IdmeRefused(Reason.BAD_ANSWER)
    return value
