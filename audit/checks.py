"""Refuse to start with keys of the record that protect nothing."""

from django.conf import settings
from django.core.checks import Error, Tags, register

KEY_LENGTH = 32  # bytes; no shorter than the hash, RFC 2104 §3


@register(Tags.security)
def check_audit_keys(**kwargs: object) -> list[Error]:
    keys = getattr(settings, "AUDIT_KEYS", [])
    if not keys:
        return [_error("AUDIT_KEYS holds no key.", 1)]
    errors = [
        _error(f"The key {key_id!r} of AUDIT_KEYS has under {KEY_LENGTH} bytes.", 2)
        for key_id, key in keys
        if len(key) < KEY_LENGTH
    ]
    if len({key_id for key_id, _ in keys}) < len(keys):
        errors.append(_error("AUDIT_KEYS names one key id twice.", 3))
    if len({key for _, key in keys}) < len(keys):
        errors.append(_error("AUDIT_KEYS holds one key under two ids.", 4))
    if any(not key_id or len(key_id) > 40 for key_id, _ in keys):
        errors.append(_error("Key ids of AUDIT_KEYS have 1 to 40 characters.", 5))
    return errors


def _error(message: str, number: int) -> Error:
    return Error(
        message,
        hint="Write AUDIT_KEYS as id:base64[,older…], each 32 random bytes.",
        id=f"audit.E{number:03}",
    )
