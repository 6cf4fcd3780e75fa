"""A key store in an encrypted file, for sites without special hardware."""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.backends.openssl import backend
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from django.conf import settings

from prescriptions.signer.keys import (
    RETIRED,
    SIZE,
    KeyExists,
    Module,
    Public,
    SignerUnavailable,
)
from prescriptions.signer.passphrases import secret


class FileKey:
    """A key held by OpenSSL, which overwrites it when the last reference is dropped."""

    def __init__(self, private: ec.EllipticCurvePrivateKey):
        self._private: ec.EllipticCurvePrivateKey | None = private
        self.public = Public.from_key(private.public_key())

    def sign(self, message: bytes) -> bytes:
        if self._private is None:
            raise SignerUnavailable("The signing key was locked away.")
        r, s = decode_dss_signature(
            self._private.sign(message, ec.ECDSA(hashes.SHA256()))
        )
        return r.to_bytes(SIZE) + s.to_bytes(SIZE)

    def close(self) -> None:
        self._private = None


class FileStore:
    """The key in SIGNING_KEY_FILE, encrypted with its passphrase (PKCS #8)."""

    def __init__(self) -> None:
        self.path = Path(settings.SIGNING_KEY_FILE)

    def open(self, known: Mapping[str, bool]) -> FileKey:
        key = FileKey(_p256(self._private()))
        if not known.get(key.public.kid, True):
            raise SignerUnavailable(RETIRED)
        return key

    def create(self) -> str:
        try:
            self._write(self.path)
        except FileExistsError:
            raise KeyExists(f"{self.path} exists and is kept.") from None
        return f"{self.path}, readable by its owner only"

    def replace(self) -> FileKey:
        """Write a new key over the old one, which is gone from then on."""
        new = self.path.with_name(f"{self.path.name}.new")
        new.unlink(missing_ok=True)  # of an attempt that was interrupted
        self._write(new)
        new.replace(self.path)
        return self.open({})

    def module(self) -> Module:
        is_fips = getattr(backend, "_fips_enabled", None)
        name, version, *_ = backend.openssl_version_text().split()
        return Module("file", name, version, is_fips)

    def _private(self) -> object:
        try:
            with _passphrase() as passphrase:
                return serialization.load_pem_private_key(
                    self.path.read_bytes(),
                    passphrase,  # type: ignore[arg-type]  # anything like bytes
                )
        except OSError:
            raise SignerUnavailable("The signing key file cannot be read.") from None
        except TypeError:
            raise SignerUnavailable(
                "The signing key lies unencrypted on disk."
            ) from None
        except (ValueError, UnsupportedAlgorithm):
            raise SignerUnavailable(
                "The signing key does not open with its passphrase."
            ) from None

    def _write(self, path: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        with _passphrase() as passphrase:
            pem = key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(bytes(passphrase)),
            )
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(pem)
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError:
            raise
        except OSError as problem:
            raise SignerUnavailable(f"{path} cannot be written: {problem}.") from None


def _passphrase() -> AbstractContextManager[bytearray]:
    return secret(
        settings.SIGNING_KEY_PASSPHRASE,
        settings.SIGNING_KEY_PASSPHRASE_FILE,
        name="SIGNING_KEY_PASSPHRASE",
    )


def _p256(private: object) -> ec.EllipticCurvePrivateKey:
    if isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(
        private.curve, ec.SECP256R1
    ):
        return private
    raise SignerUnavailable("The signing key is not a P-256 key.")
