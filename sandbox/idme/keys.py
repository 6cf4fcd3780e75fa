"""The provider's own signing keys, and the client's public keys it has fetched."""

import logging
from collections.abc import Callable
from datetime import timedelta

import requests
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from joserfc.jwk import KeySet, RSAKey

from sandbox.idme.models import ClientKey, SigningKey

FRESH = timedelta(minutes=10)

logger = logging.getLogger(__name__)


class NoClientKey(Exception):
    """The client publishes no RSA encryption key that can be reached."""


def current_signing_key() -> RSAKey:
    """Return the newest signing key; make the first one when there is none."""
    stored = SigningKey.objects.first() or _make_first_key()
    return RSAKey.import_key(stored.jwk)


def public_key_set() -> dict:
    current_signing_key()
    return {
        "keys": [
            RSAKey.import_key(stored.jwk).as_dict(private=False)
            for stored in SigningKey.objects.all()
        ]
    }


def client_encryption_key() -> RSAKey:
    """Return the client's key; fetch when it is unknown or has not been seen lately."""
    if not _client_keys(_can_encrypt) or not _seen_lately(ClientKey.objects.all()):
        fetch_client_keys()
    known = _client_keys(_can_encrypt)
    if not known:
        raise NoClientKey(f"No encryption key at {settings.IDME_CLIENT_JWKS_URI}")
    return RSAKey.import_key(known[0])


def know_client_key(kid: str | None) -> None:
    """Fetch the client's keys unless the one with this id was seen lately."""
    if not _seen_lately(ClientKey.objects.filter(kid=kid)):
        fetch_client_keys()


def client_verification_keys() -> KeySet:
    """Return the keys with which the client may sign what it sends."""
    return KeySet.import_key_set({"keys": _client_keys(_can_verify)})


def fetch_client_keys() -> None:
    """Replace the client's known keys; keep them when the client cannot be reached.

    Also called while the person is still here, before the client asks for userinfo:
    a client with one worker could not answer us in the middle of its own request.
    """
    try:
        answer = requests.get(
            settings.IDME_CLIENT_JWKS_URI, timeout=settings.IDME_CLIENT_JWKS_TIMEOUT
        )
        answer.raise_for_status()
        published = [
            key
            for key in answer.json()["keys"]
            if _can_encrypt(key) or _can_verify(key)
        ]
    except (requests.RequestException, ValueError, KeyError) as problem:
        logger.warning("The client's keys could not be fetched: %s", problem)
        return
    _replace_client_keys(published)


@transaction.atomic
def _make_first_key() -> SigningKey:
    return SigningKey.objects.first() or make_key()


def make_key() -> SigningKey:
    """Keep a new signing key, which is current from now on."""
    key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
    return SigningKey.objects.create(
        kid=key.thumbprint(), jwk=key.as_dict(private=True)
    )


def _client_keys(is_fit: Callable[[dict], bool]) -> list[dict]:
    return [known.jwk for known in ClientKey.objects.all() if is_fit(known.jwk)]


def _seen_lately(known: QuerySet[ClientKey]) -> bool:
    return known.filter(fetched_at__gt=timezone.now() - FRESH).exists()


def _can_encrypt(key: dict) -> bool:
    return key.get("kty") == "RSA" and key.get("use", "enc") == "enc" and "kid" in key


def _can_verify(key: dict) -> bool:
    is_public = key.get("kty") in ("RSA", "EC")
    return is_public and key.get("use", "sig") == "sig" and "kid" in key


@transaction.atomic
def _replace_client_keys(published: list[dict]) -> None:
    now = timezone.now()
    for jwk in published:
        ClientKey.objects.update_or_create(
            kid=jwk["kid"], defaults={"jwk": jwk, "fetched_at": now}
        )
    if published:
        kids = [jwk["kid"] for jwk in published]
        ClientKey.objects.exclude(kid__in=kids).delete()
