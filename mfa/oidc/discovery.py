"""What the provider publishes about itself: metadata and keys, checked, and not for long.

OpenID Connect Discovery 1.0. What is too old is not used, and what was refused does
not replace what is good.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from mfa.oidc.errors import IdmeUnavailable

METADATA_LIFE = 3600  # seconds
KEYS_LIFE = 1800  # seconds
KEYS_APART = 60  # seconds between two fetches that an unknown key id asked for
DEPARTURE_LIFE = 15  # seconds, before a person is sent to the provider
FAILURE_LIFE = 5  # seconds in which nobody waits for the same silence again
ENDPOINTS = ["authorization_endpoint", "token_endpoint", "jwks_uri"]
OPTIONAL_ENDPOINTS = ["userinfo_endpoint", "backchannel_authentication_endpoint"]
# Everything else in the metadata would configure authlib's session: left out.
MEMBERS = [
    "issuer",
    *ENDPOINTS,
    *OPTIONAL_ENDPOINTS,
    "authorization_response_iss_parameter_supported",
    "backchannel_token_delivery_modes_supported",
    "backchannel_number_matching_supported",
    "claims_parameter_supported",
]
KINDS: dict[str, type[RSAKey] | type[ECKey]] = {"RSA": RSAKey, "EC": ECKey}

Fetch = Callable[[str], dict]
T = TypeVar("T")


class Published(Generic[T]):
    """One document of the provider, and when it was last fetched, or not."""

    def __init__(self, fetch: Callable[[], T], *, life: float):
        self._fetch, self._life = fetch, life
        self._found: T | None = None
        self._fetched_at = self._failed_at = float("-inf")

    def current(self, *, life: float | None = None) -> T:
        age = time.monotonic() - self._fetched_at
        if self._found is None or age > (self._life if life is None else life):
            return self.fetched()
        return self._found

    def fetched(self) -> T:
        """Fetch it, unless that failed a moment ago; raise IdmeUnavailable."""
        if time.monotonic() - self._failed_at < FAILURE_LIFE:
            raise IdmeUnavailable
        try:
            self._found = self._fetch()
        except IdmeUnavailable:
            self._failed_at = time.monotonic()
            raise
        self._fetched_at = time.monotonic()
        return self._found


class Discovery:
    """The provider's metadata and its signing keys."""

    def __init__(self, fetch: Fetch):
        self._fetch = fetch
        self._metadata = Published(self._fetch_metadata, life=METADATA_LIFE)
        self._keys = Published(self._fetch_keys, life=KEYS_LIFE)
        self._asked_for_unknown_at = float("-inf")

    def metadata(self, *, life: float | None = None) -> dict:
        return self._metadata.current(life=life)

    def keys(self, force: bool = False) -> KeySet:
        """Return the keys; `force` fetches them again, but not all the time."""
        now = time.monotonic()
        if force and now - self._asked_for_unknown_at > KEYS_APART:
            self._asked_for_unknown_at = now
            return self._keys.fetched()
        return self._keys.current()

    def _fetch_metadata(self) -> dict:
        found = self._fetch(metadata_url())
        _check_metadata(found)
        return {key: found[key] for key in MEMBERS if found.get(key) is not None} | {
            "token_endpoint_auth_method": _auth_method(found)
        }

    def _fetch_keys(self) -> KeySet:
        published = self._fetch(self.metadata()["jwks_uri"]).get("keys")
        keys = _signing_keys(published) if isinstance(published, list) else []
        if not keys:
            raise IdmeUnavailable
        return KeySet([*keys])


def metadata_url() -> str:
    return f"{settings.IDME_ISSUER.rstrip('/')}/.well-known/openid-configuration"


def _check_metadata(found: dict) -> None:
    """Refuse a document of another issuer, or one that leads out of TLS."""
    scheme = urlsplit(settings.IDME_ISSUER).scheme
    endpoints = [found.get(name) for name in ENDPOINTS]
    endpoints += [found[name] for name in OPTIONAL_ENDPOINTS if name in found]
    if found.get("issuer") != settings.IDME_ISSUER or not all(
        isinstance(url, str) and url.startswith(("https://", f"{scheme}://"))
        for url in endpoints
    ):
        raise IdmeUnavailable


def _auth_method(found: dict) -> str:
    """Choose how this client shows who it is: with its key if it was given one."""
    if settings.IDME_CLIENT_KEY_FILE:
        return "private_key_jwt"
    supported = found.get("token_endpoint_auth_methods_supported")
    is_post_only = isinstance(supported, list) and (
        "client_secret_basic" not in supported and "client_secret_post" in supported
    )
    return "client_secret_post" if is_post_only else "client_secret_basic"


def _signing_keys(published: list) -> list[RSAKey | ECKey]:
    """Return the keys that can sign here; others are passed over, RFC 7517 5."""
    keys: list[RSAKey | ECKey] = []
    for jwk in published:
        if not isinstance(jwk, dict) or jwk.get("use", "sig") != "sig":
            continue
        kind = KINDS.get(str(jwk.get("kty")))
        with suppress(JoseError, ValueError, TypeError, KeyError):
            keys += [kind.import_key(jwk)] if kind else []
    return keys
