"""The application's own signing key: ES256 over SHA-256 (21 CFR 1311.120(b)(16)).

The private key lies encrypted on disk and is unlocked once, into memory. Signatures
are compact JWS (RFC 7515); the key id is the RFC 7638 thumbprint.
"""

import os
import threading
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from audit import chain
from audit.acts import Act
from prescriptions.models import SigningKey

ALGORITHM = "ES256"
_PROBE = b"self-test"

_lock = threading.Lock()
_unlocked: ECKey | None = None


class SignerUnavailable(Exception):
    """There is no signing key in order; nothing can be signed. Says why."""


class SignatureInvalid(Exception):
    """The signature does not verify with the key it names."""


def sign(payload: bytes) -> str:
    """Return the compact JWS over these bytes; raise SignerUnavailable."""
    key = _key()
    header = {"alg": ALGORITHM, "kid": key.thumbprint()}
    return jws.serialize_compact(header, payload, key, algorithms=[ALGORITHM])


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
    row = SigningKey.objects.filter(kid=key.thumbprint()).first()
    if row is None:
        row = _put_on_record(key)
    if row.retired_at:
        raise SignerUnavailable(
            "The signing key was retired and another one replaced it."
        )
    return row


def check_health() -> list[str]:
    """Return what is wrong with the signing key; an empty list means go ahead."""
    try:
        key = _key()
        signature = jws.serialize_compact(
            {"alg": ALGORITHM}, _PROBE, key, algorithms=[ALGORITHM]
        )
        public = ECKey.import_key(_public(key))
        jws.deserialize_compact(signature, public, algorithms=[ALGORITHM])
    except SignerUnavailable as problem:
        return [str(problem)]
    except JoseError:
        return ["The signing key does not pass its self-test."]
    retired = SigningKey.objects.filter(kid=key.thumbprint()).exclude(retired_at=None)
    if retired.exists():
        return ["The signing key was retired and another one replaced it."]
    return []


def public_jwks() -> dict:
    """Return every key with which a kept signature can be verified (RFC 7517)."""
    return {"keys": list(SigningKey.objects.values_list("public_jwk", flat=True))}


def deactivate() -> None:
    """Forget the unlocked key (21 CFR 1311.120(b)(16)(iv))."""
    global _unlocked
    with _lock:
        _unlocked = None


def create(path: Path, *, passphrase: str) -> None:
    """Write a new encrypted key, readable by its owner only; never over another."""
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode()),
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)


def _put_on_record(key: ECKey) -> SigningKey:
    now = timezone.now()
    with transaction.atomic():
        row, is_new = SigningKey.objects.get_or_create(
            kid=key.thumbprint(),
            defaults={"public_jwk": _public(key), "activated_at": now},
        )
        if is_new:
            others = SigningKey.objects.filter(retired_at=None).exclude(pk=row.pk)
            others.update(retired_at=now)
            chain.record(
                Act.KEY_CREATED, by=None, of=row, key_id=row.kid, algorithm=ALGORITHM
            )
    return row


def _key() -> ECKey:
    global _unlocked
    with _lock:
        if _unlocked is None:
            _unlocked = _unlock()
        return _unlocked


def _unlock() -> ECKey:
    path = Path(settings.SIGNING_KEY_FILE)
    try:
        private = serialization.load_pem_private_key(
            path.read_bytes(), settings.SIGNING_KEY_PASSPHRASE.encode()
        )
    except OSError:
        raise SignerUnavailable("The signing key file cannot be read.") from None
    except TypeError:
        raise SignerUnavailable("The signing key lies unencrypted on disk.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise SignerUnavailable(
            "The signing key does not open with its passphrase."
        ) from None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(
        private.curve, ec.SECP256R1
    ):
        raise SignerUnavailable("The signing key is not a P-256 key.")
    return ECKey.import_key(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def _public(key: ECKey) -> dict:
    public = dict(key.as_dict(private=False))
    return public | {"kid": key.thumbprint(), "use": "sig", "alg": ALGORITHM}
