"""Signing and verifying with ES256 over SHA-256 (21 CFR 1311.120(b)(16)).

The private key lies in a key store and is unlocked once per process. Signatures are
compact JWS (RFC 7515); the key id is the RFC 7638 thumbprint.
"""

import json
import logging
import threading
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from audit import chain
from audit.acts import Act
from audit.reasons import Words
from foundation.statements import fetch
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
FAILED_TEST = "The signing key does not pass its self-test."
SELF_TEST_EVERY = 60.0  # seconds; 21 CFR 1311.120(b)(16)
_PROBE = b"self-test"

_lock = threading.RLock()
_unlocked: OpenKey | None = None
_tested: tuple[OpenKey, float] | None = None  # the key that signed a probe, and when


class SignatureInvalid(Exception):
    """The signature does not verify with the key it names."""


@dataclass(frozen=True)
class CurrentKey:
    """The key that signs now: its public row, and the unlocked private half."""

    row: SigningKey
    unlocked: OpenKey

    def sign(self, payload: bytes) -> str:
        """Return the compact JWS over these bytes; raise SignerUnavailable.

        It is verified before anything is archived: a token may go wrong at any moment.
        """
        signature = _compact_jws(payload, self.unlocked)
        try:
            _verify(signature, self.unlocked)
        except JoseError:
            raise SignerUnavailable(FAILED_TEST) from None
        return signature


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
    return open_key().row


def check_health() -> list[str]:
    """Return the problems of the signing key now; an empty list means it signs."""
    return problems_in(*_read(), tested_within=0)


def evidence() -> list[QuerySet[Any]]:
    """Return what to read for `problems_in` and `open_key`."""
    return [
        SigningDeactivation.objects.filter(activated_at=None),
        SigningKey.objects.all(),
    ]


def problems_in(
    deactivations: list[SigningDeactivation],
    keys: list[SigningKey],
    *,
    tested_within: float = SELF_TEST_EVERY,
) -> list[str]:
    """Return the problems of the signing key; an empty list means it signs.

    It signs a probe when it is opened, and when the last one is older than
    `tested_within` seconds.
    """
    try:
        _test(_open(deactivations, keys), tested_within=tested_within)
    except SignerUnavailable as problem:
        return [str(problem)]
    except JoseError:
        return [FAILED_TEST]
    return []


def open_key() -> CurrentKey:
    """Return the key that signs now, with its row; raise SignerUnavailable.

    It is read at the moment of use, whatever the gate has seen before. A new key is
    recorded, and retires the previous one.
    """
    deactivations, keys = _read()
    key = _open(deactivations, keys)
    known = (row for row in keys if row.kid == key.public.kid)
    return CurrentKey(next(known, None) or _record(key), key)


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
    return _open(*_read())


def _read() -> list[list[Any]]:
    return fetch(*evidence())


def _open(deactivations: list[SigningDeactivation], keys: list[SigningKey]) -> OpenKey:
    global _unlocked
    if deactivations:
        close()
        raise SignerUnavailable(DEACTIVATED.format(reason=deactivations[0].reason))
    known = {key.kid: key.retired_at is None for key in keys}
    with _lock:
        if _unlocked is not None and not known.get(_unlocked.public.kid, True):
            close()  # another process has rotated it
        if _unlocked is None:
            _unlocked = stores.configured().open(known)
        return _unlocked


def _test(key: OpenKey, *, tested_within: float) -> None:
    """Sign and verify a probe; raise SignerUnavailable or JoseError."""
    global _tested
    now = monotonic()
    if _tested and _tested[0] is key and now - _tested[1] < tested_within:
        return
    _verify(_compact_jws(_PROBE, key), key)
    _tested = (key, now)


def _verify(signature: str, key: OpenKey) -> None:
    """Raise JoseError unless the signature verifies with the public half."""
    public = ECKey.import_key(key.public.jwk)
    jws.deserialize_compact(signature, public, algorithms=[ALGORITHM])


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
