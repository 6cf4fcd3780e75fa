"""The provider's published metadata and keys: checked, and briefly cached.

OpenID Connect Discovery 1.0. An expired document is not used; a refused one does not
replace a valid one.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from mfa.oidc.errors import IdmeUnavailable
from mfa.oidc.provider_settings import idme_settings

METADATA_LIFE = 3600  # seconds
KEYS_LIFE = 1800  # seconds
KEYS_APART = 60  # seconds between two fetches for an unknown key id
DEPARTURE_LIFE = 15  # seconds, before a person is sent to the provider
FAILURE_LIFE = 5  # seconds in which a failed fetch is not repeated
ENDPOINTS = ["authorization_endpoint", "token_endpoint", "jwks_uri"]
OPTIONAL_ENDPOINTS = ["userinfo_endpoint", "backchannel_authentication_endpoint"]
# Anything else in the metadata would configure authlib's session, so it is dropped.
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
    """A document of the provider, cached for `life` seconds."""

    def __init__(self, fetch: Callable[[], T], *, life: float) -> None:
        self._fetch, self._life = fetch, life
        self._document: T | None = None
        self._fetched_at = self._failed_at = float("-inf")

    def current(self, *, life: float | None = None) -> T:
        """Return the document, at most `life` seconds old; raise IdmeUnavailable."""
        age = time.monotonic() - self._fetched_at
        if self._document is None or age > (self._life if life is None else life):
            return self.fetch()
        return self._document

    def fetch(self) -> T:
        """Fetch and return it; raise IdmeUnavailable, at once if that just failed."""
        if time.monotonic() - self._failed_at < FAILURE_LIFE:
            raise IdmeUnavailable
        try:
            self._document = self._fetch()
        except IdmeUnavailable:
            self._failed_at = time.monotonic()
            raise
        self._fetched_at = time.monotonic()
        return self._document


class Discovery:
    """The provider's metadata and its signing keys."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._metadata = Published(self._fetch_metadata, life=METADATA_LIFE)
        self._keys = Published(self._fetch_keys, life=KEYS_LIFE)
        self._forced_at = float("-inf")

    def metadata(self, *, life: float | None = None) -> dict:
        """Return the metadata, at most `life` seconds old; raise IdmeUnavailable."""
        return self._metadata.current(life=life)

    def keys(self, force: bool = False) -> KeySet:
        """Return the keys; `force` fetches them again, once per KEYS_APART seconds."""
        now = time.monotonic()
        if force and now - self._forced_at > KEYS_APART:
            self._forced_at = now
            return self._keys.fetch()
        return self._keys.current()

    def _fetch_metadata(self) -> dict:
        metadata = self._fetch(metadata_url())
        _check_metadata(metadata)
        members = {name: metadata.get(name) for name in MEMBERS}
        return {name: value for name, value in members.items() if value is not None} | {
            "token_endpoint_auth_method": _auth_method(metadata)
        }

    def _fetch_keys(self) -> KeySet:
        published = self._fetch(self.metadata()["jwks_uri"]).get("keys")
        keys = _signing_keys(published) if isinstance(published, list) else []
        if not keys:
            raise IdmeUnavailable
        return KeySet([*keys])


def metadata_url() -> str:
    """Return the address of the discovery document; Discovery 1.0, section 4."""
    return f"{idme_settings().issuer.rstrip('/')}/.well-known/openid-configuration"


def _check_metadata(metadata: dict) -> None:
    """Raise IdmeUnavailable for another issuer, or an endpoint without TLS."""
    scheme = urlsplit(idme_settings().issuer).scheme
    endpoints = [metadata.get(name) for name in ENDPOINTS]
    endpoints += [metadata[name] for name in OPTIONAL_ENDPOINTS if name in metadata]
    if metadata.get("issuer") != idme_settings().issuer or not all(
        isinstance(url, str) and url.startswith(("https://", f"{scheme}://"))
        for url in endpoints
    ):
        raise IdmeUnavailable


def _auth_method(metadata: dict) -> str:
    """Return how this client authenticates: with its key if it has one."""
    if idme_settings().client_key_file:
        return "private_key_jwt"
    supported = metadata.get("token_endpoint_auth_methods_supported")
    is_post_only = isinstance(supported, list) and (
        "client_secret_basic" not in supported and "client_secret_post" in supported
    )
    return "client_secret_post" if is_post_only else "client_secret_basic"


def _signing_keys(published: list) -> list[RSAKey | ECKey]:
    """Return the keys that can sign here; others are ignored, RFC 7517 5."""
    keys: list[RSAKey | ECKey] = []
    for jwk in published:
        if not isinstance(jwk, dict) or jwk.get("use", "sig") != "sig":
            continue
        kind = KINDS.get(str(jwk.get("kty")))
        with suppress(JoseError, ValueError, TypeError, KeyError):
            keys += [kind.import_key(jwk)] if kind else []
    return keys
