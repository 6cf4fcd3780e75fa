"""Key rings as the environment writes them: `id:base64,id:base64`, the current first."""

import base64
import binascii

from django.core.exceptions import ImproperlyConfigured

KEY_LENGTH = 32  # bytes: AES-256, HMAC-SHA-256


def parse(ring: str, *, name: str) -> list[tuple[str, bytes]]:
    """Return (key id, key) pairs; raise ImproperlyConfigured on any doubt."""
    keys = [_parse_one(item, name=name) for item in ring.split(",") if item.strip()]
    if not keys:
        raise ImproperlyConfigured(f"{name} holds no key. Write it as id:base64.")
    if len({key_id for key_id, _ in keys}) < len(keys):
        raise ImproperlyConfigured(f"{name} names one key id twice.")
    if len({key for _, key in keys}) < len(keys):
        raise ImproperlyConfigured(f"{name} holds one key under two ids.")
    return keys


def _parse_one(item: str, *, name: str) -> tuple[str, bytes]:
    key_id, _, encoded = item.strip().partition(":")
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        key = b""
    if not key_id.isalnum() or len(key) != KEY_LENGTH:
        # What stands where the id belongs may be the key: none of it is told.
        raise ImproperlyConfigured(
            f"{name}: write every key as id:base64, with {KEY_LENGTH} bytes of key."
        )
    return key_id, key
