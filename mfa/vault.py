"""Secrets at rest: AES-256-GCM, bound to their table, column and row.

A sealed value copied to any other place does not open (NIST SP 800-38D).
"""

import base64
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

NONCE_LENGTH = 12  # bytes, SP 800-38D 8.2.1


class CannotUnseal(Exception):
    """The sealed value was moved or changed, or its key is gone."""


def seal(plaintext: bytes, *, table: str, column: str, row: str) -> str:
    """Return the key id, a dot, and base64 of nonce and AES-256-GCM ciphertext."""
    key_id, key = settings.FIELD_KEYS[0]
    nonce = os.urandom(NONCE_LENGTH)
    sealed = nonce + AESGCM(key).encrypt(nonce, plaintext, _place(table, column, row))
    return f"{key_id}.{base64.b64encode(sealed).decode()}"


def unseal(sealed: str, *, table: str, column: str, row: str) -> bytes:
    """Return the plaintext; raise CannotUnseal unless it was sealed for this place."""
    key_id, _, encoded = sealed.partition(".")
    key = dict(settings.FIELD_KEYS).get(key_id)
    if key is None:
        raise CannotUnseal(f"FIELD_KEYS does not hold the key {key_id!r}.")
    try:
        raw = base64.b64decode(encoded, validate=True)
        return AESGCM(key).decrypt(
            raw[:NONCE_LENGTH], raw[NONCE_LENGTH:], _place(table, column, row)
        )
    except (InvalidTag, ValueError):
        raise CannotUnseal(f"The secret of {table} {row} does not open.") from None


def is_sealed_with_current_key(sealed: str) -> bool:
    """Return True if the value was sealed with the first key of FIELD_KEYS."""
    return sealed.partition(".")[0] == settings.FIELD_KEYS[0][0]


def fingerprint(plaintext: bytes) -> str:
    """Return a keyed digest that tells only whether two secrets are equal."""
    key = hashlib.sha256(b"fingerprint" + settings.FIELD_KEYS[0][1]).digest()
    return hmac.new(key, plaintext, hashlib.sha256).hexdigest()


def _place(table: str, column: str, row: str) -> bytes:
    return "\x1f".join([table, column, row]).encode()
