"""Signing and verifying with ES256 over SHA-256 (21 CFR 1311.120(b)(16)).

The private key lies in a key store and is unlocked once per process. Signatures are
compact JWS (RFC 7515); the key id is the RFC 7638 thumbprint.
"""

import json
import logging
import threading
from datetime import datetime

from django.db import DatabaseError, transaction
from django.utils import timezone
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from audit import chain
from audit.acts import Act
from audit.reasons import Words
from prescriptions.models import SigningDeactivation, SigningKey
from prescriptions.signer import stores
from prescriptions.signer.keys import (
    ALGORITHM,
    OpenKey,
    SignerUnavailable,
    base64url,
)

logger = logging.getLogger(__name__)

DEACTIVATED = (
    "The signing key was locked away with manage.py deactivate_signing: {reason}"
)
_PROBE = b"self-test"

_lock = threading.RLock()
_unlocked: OpenKey | None = None


class SignatureInvalid(Exception):
    """The signature does not verify with the key it names."""


def sign(payload: bytes, *, kid: str | None = None) -> str:
    """Return the compact JWS over these bytes; raise SignerUnavailable.

    With `kid`, sign only with that key, because the payload may name it.
    """
    key = _key()
    if kid not in {None, key.public.kid}:
        raise SignerUnavailable("The signing key was replaced meanwhile. Sign again.")
    return _compact_jws(payload, key)


def verify(signature: str) -> bytes:
    """Return the signed bytes; raise SignatureInvalid. Only recorded keys count."""
    try:
        signed = jws.extract_compact(signature.encode())
        row = SigningKey.objects.get(kid=signed.headers().get("kid", ""))
        key = ECKey.import_key(row.public_jwk)
        if not jws.validate_compact(signed, key, algorithms=[ALGORITHM]):
            raise SignatureInvalid("The signature does not match what was signed.")
    except (JoseError, ValueError) as error:
        raise SignatureInvalid(f"The signature cannot be read: {error}") from None
    except SigningKey.DoesNotExist:
        raise SignatureInvalid("The key of this signature is not on record.") from None
    return signed.payload


def current_key() -> SigningKey:
    """Return the public half of the signing key; a new key retires the previous one.

    Raise SignerUnavailable for a retired key, as when an old key file was restored.
    """
    key = _key()
    row = SigningKey.objects.filter(kid=key.public.kid).first()
    return row or _record(key)


def check_health() -> list[str]:
    """Return the problems of the signing key; an empty list means it signs."""
    try:
        key = _key()
        signature = _compact_jws(_PROBE, key)
        public = ECKey.import_key(key.public.jwk)
        jws.deserialize_compact(signature, public, algorithms=[ALGORITHM])
    except SignerUnavailable as problem:
        return [str(problem)]
    except JoseError:
        return ["The signing key does not pass its self-test."]
    return []


def public_jwks() -> dict:
    """Return the public keys that verify archived signatures (RFC 7517)."""
    return {"keys": list(SigningKey.objects.values_list("public_jwk", flat=True))}


def unlock() -> None:
    """Unlock the key when a process starts; log the problem if it does not open."""
    try:
        current_key()
    except (SignerUnavailable, DatabaseError) as problem:
        logger.error("The signing key is not unlocked: %s", problem)


def close() -> None:
    """Forget the unlocked key in this process; the next use unlocks it again."""
    global _unlocked
    with _lock:
        if _unlocked is not None:
            _unlocked.close()
        _unlocked = None


def deactivate(*, reason: str) -> None:
    """Lock the key away, in this process at once and in others before their next use.

    21 CFR 1311.120(b)(16)(iv). Nothing is signed until `activate`.
    """
    with transaction.atomic(durable=True):
        SigningDeactivation.objects.create(
            deactivated_at=timezone.now(), reason=reason[:200]
        )
        chain.record(Act.SIGNING_DEACTIVATED, by=None, reason=Words(reason))
    close()


def activate() -> bool:
    """Allow unlocking the key again; return True if it was locked away."""
    with transaction.atomic(durable=True):
        in_force = SigningDeactivation.objects.filter(activated_at=None)
        ended = in_force.update(activated_at=timezone.now())
        if ended:
            chain.record(Act.SIGNING_ACTIVATED, by=None)
    return bool(ended)


def create() -> str:
    """Make the first key and return where it is; raise KeyExists, SignerUnavailable."""
    close()  # a token allows one login at a time
    return stores.configured().create()


def rotate() -> SigningKey:
    """Replace the signing key; signatures of the old key still verify."""
    current_key()  # the old key is recorded and in order
    with transaction.atomic(durable=True):
        chain.lock_head(chain.SYSTEM)  # one rotation at a time, store and record
        close()
        key = stores.configured().replace()
        try:
            return _record(key)
        finally:
            key.close()


def active_since() -> datetime | None:
    """Return the activation time of the current key, or None before its first use."""
    rows = SigningKey.objects.filter(retired_at=None)
    return rows.values_list("activated_at", flat=True).first()


def _key() -> OpenKey:
    """Return the unlocked key, unless it was locked away or replaced."""
    global _unlocked
    deactivations = SigningDeactivation.objects.filter(activated_at=None)
    if reason := deactivations.values_list("reason", flat=True).first():
        close()
        raise SignerUnavailable(DEACTIVATED.format(reason=reason))
    known = {
        kid: retired_at is None
        for kid, retired_at in SigningKey.objects.values_list("kid", "retired_at")
    }
    with _lock:
        if _unlocked is not None and not known.get(_unlocked.public.kid, True):
            close()  # another process has rotated it
        if _unlocked is None:
            _unlocked = stores.configured().open(known)
        return _unlocked


def _compact_jws(payload: bytes, key: OpenKey) -> str:
    header = json.dumps(
        {"alg": ALGORITHM, "kid": key.public.kid}, separators=(",", ":")
    )
    signed = f"{base64url(header.encode())}.{base64url(payload)}"
    try:
        return f"{signed}.{base64url(key.sign(signed.encode()))}"
    except SignerUnavailable:
        close()  # a token that was removed is opened again once it is back
        raise


def _record(key: OpenKey) -> SigningKey:
    """Record the key if it is new, and retire the previous ones."""
    with transaction.atomic():
        chain.lock_head(chain.SYSTEM)  # or two new keys would not see each other
        now = timezone.now()
        row, is_new = SigningKey.objects.get_or_create(
            kid=key.public.kid,
            defaults={"public_jwk": key.public.jwk, "activated_at": now},
        )
        if is_new:
            chain.record(
                Act.KEY_CREATED, by=None, of=row, key_id=row.kid, algorithm=ALGORITHM
            )
            _retire_all_but(row, at=now)
    return row


def _retire_all_but(current: SigningKey, *, at: datetime) -> None:
    previous = SigningKey.objects.filter(retired_at=None).exclude(pk=current.pk)
    retired = list(previous)
    previous.update(retired_at=at)
    for key in retired:
        chain.record(Act.KEY_RETIRED, by=None, of=key, key_id=key.kid)
