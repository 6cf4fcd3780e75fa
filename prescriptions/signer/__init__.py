"""The application's own signing key: ES256 over SHA-256 (21 CFR 1311.120(b)(16)).

The private key lies in a key store and is unlocked once. Signatures are compact JWS
(RFC 7515); the key id is the RFC 7638 thumbprint.
"""

import json
import logging
import threading
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from audit import chain
from audit.acts import Act
from prescriptions.models import SigningDeactivation, SigningKey, SigningModule
from prescriptions.signer import files
from prescriptions.signer.keys import (
    ALGORITHM,
    KeyExists,
    KeyStore,
    Module,
    OpenKey,
    SignerUnavailable,
    encoded,
)

__all__ = [
    "ALGORITHM",
    "KeyExists",
    "SignatureInvalid",
    "SignerUnavailable",
    "activate",
    "active_since",
    "check_health",
    "close",
    "create",
    "current_key",
    "deactivate",
    "module",
    "note_module",
    "public_jwks",
    "rotate",
    "sign",
    "unlock",
    "verify",
]

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

    With `kid`, only by that key: the payload may name it.
    """
    key = _key()
    if kid not in {None, key.public.kid}:
        raise SignerUnavailable("The signing key was replaced meanwhile. Sign again.")
    return _serialized(payload, key)


def verify(signature: str) -> bytes:
    """Return the signed bytes; raise SignatureInvalid. Only keys on record count."""
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
    """Return the public half of the key that signs; a new one retires the one before.

    Raise SignerUnavailable for a key that was retired: an old file was put back.
    """
    key = _key()
    row = SigningKey.objects.filter(kid=key.public.kid).first()
    return row or _put_on_record(key)


def check_health() -> list[str]:
    """Return what is wrong with the signing key; an empty list means go ahead."""
    try:
        key = _key()
        signature = _serialized(_PROBE, key)
        public = ECKey.import_key(key.public.jwk)
        jws.deserialize_compact(signature, public, algorithms=[ALGORITHM])
    except SignerUnavailable as problem:
        return [str(problem)]
    except JoseError:
        return ["The signing key does not pass its self-test."]
    return []


def public_jwks() -> dict:
    """Return every key with which a kept signature can be verified (RFC 7517)."""
    return {"keys": list(SigningKey.objects.values_list("public_jwk", flat=True))}


def unlock() -> None:
    """Unlock the key as a process starts; what is wrong stands in its log."""
    try:
        current_key()
    except (SignerUnavailable, DatabaseError) as problem:
        logger.error("The signing key is not unlocked: %s", problem)


def close() -> None:
    """Forget the unlocked key in this process; the next use unlocks one anew."""
    global _unlocked
    with _lock:
        if _unlocked is not None:
            _unlocked.close()
        _unlocked = None


def deactivate(*, reason: str) -> None:
    """Lock the key away, here at once and elsewhere before its next use.

    21 CFR 1311.120(b)(16)(iv). Nothing signs until `activate`.
    """
    with transaction.atomic(durable=True):
        SigningDeactivation.objects.create(
            deactivated_at=timezone.now(), reason=reason[:200]
        )
        chain.record(Act.SIGNING_DEACTIVATED, by=None, reason=reason)
    close()


def activate() -> bool:
    """Let every process unlock the key again; say whether it was locked away."""
    with transaction.atomic(durable=True):
        in_force = SigningDeactivation.objects.filter(activated_at=None)
        ended = in_force.update(activated_at=timezone.now())
        if ended:
            chain.record(Act.SIGNING_ACTIVATED, by=None)
    return bool(ended)


def create() -> str:
    """Make the first key in the configured store, and say where; raise KeyExists."""
    close()  # a token lets nobody in twice
    return _store().create()


def rotate() -> SigningKey:
    """Make a new key that signs from now on; what the old one signed still verifies."""
    current_key()  # the old one is on record, and in order
    with transaction.atomic(durable=True):
        chain.locked_head(chain.SYSTEM)  # one at a time, from the store to the record
        close()
        key = _store().replace()
        try:
            return _put_on_record(key)
        finally:
            key.close()


def module() -> Module:
    """Return what signs, as it says itself; raise SignerUnavailable."""
    return _store().module()


def note_module() -> SigningModule | None:
    """Put on record what signs, when it is another than before ((b)(16)(i))."""
    found = module()
    facts = {
        "store": found.store,
        "name": found.name[:100],
        "version": found.version[:100],
        "is_fips": found.is_fips,
        "certificate": settings.SIGNING_MODULE_CERTIFICATE[:100],
    }
    with transaction.atomic(durable=True):
        newest = SigningModule.objects.select_for_update(no_key=True).first()
        if newest and all(getattr(newest, name) == facts[name] for name in facts):
            return None
        row = SigningModule.objects.create(found_at=timezone.now(), **facts)
        chain.record(
            Act.SIGNING_MODULE_FOUND,
            by=None,
            of=row,
            source=f"{row.store}: {row.name}",
            version=row.version,
            fips=row.is_fips,
            certificate=row.certificate,
        )
    return row


def active_since() -> datetime | None:
    """Return since when the key signs that signs now, once it has signed."""
    rows = SigningKey.objects.filter(retired_at=None)
    return rows.values_list("activated_at", flat=True).first()


def _store() -> KeyStore:
    if settings.SIGNING_KEY_STORE == "file":
        return files.FileStore()
    try:
        from prescriptions.signer import hsm  # noqa: PLC0415  needs python-pkcs11
    except ImportError:
        raise SignerUnavailable("Install python-pkcs11 for this key store.") from None
    return hsm.TokenStore()


def _key() -> OpenKey:
    """Return the unlocked key, if nobody locked it away and none has replaced it."""
    global _unlocked
    locked_away = SigningDeactivation.objects.filter(activated_at=None)
    if reason := locked_away.values_list("reason", flat=True).first():
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
            _unlocked = _store().open(known)
        return _unlocked


def _serialized(payload: bytes, key: OpenKey) -> str:
    header = json.dumps(
        {"alg": ALGORITHM, "kid": key.public.kid}, separators=(",", ":")
    )
    signed = f"{encoded(header.encode())}.{encoded(payload)}"
    try:
        return f"{signed}.{encoded(key.sign(signed.encode()))}"
    except SignerUnavailable:
        close()  # a token that was taken out is opened anew when it is back
        raise


def _put_on_record(key: OpenKey) -> SigningKey:
    with transaction.atomic():
        chain.locked_head(chain.SYSTEM)  # or two new keys would not see each other
        now = timezone.now()
        row, is_new = SigningKey.objects.get_or_create(
            kid=key.public.kid,
            defaults={"public_jwk": key.public.jwk, "activated_at": now},
        )
        if is_new:
            old = SigningKey.objects.filter(retired_at=None).exclude(pk=row.pk)
            retired = list(old)
            old.update(retired_at=now)
            chain.record(
                Act.KEY_CREATED, by=None, of=row, key_id=row.kid, algorithm=ALGORITHM
            )
            for one in retired:
                chain.record(Act.KEY_RETIRED, by=None, of=one, key_id=one.kid)
    return row
