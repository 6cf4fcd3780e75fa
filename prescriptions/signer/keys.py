"""What a key store offers: a P-256 key that signs and never leaves the store."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey

from foundation.refusals import Overtaken

ALGORITHM = "ES256"  # ECDSA over P-256 with SHA-256: FIPS 186-3, FIPS 180-3
SIZE = 32  # bytes of each half of a signature
RETIRED = "The signing key was retired and another one replaced it."


class SignerUnavailable(Overtaken):
    """No usable signing key, so nothing can be signed; the message says why."""


class KeyExists(Exception):
    """The store already holds a key, which is kept."""


@dataclass(frozen=True)
class Public:
    """The public half of a key; its id is the RFC 7638 thumbprint."""

    kid: str
    jwk: dict

    @classmethod
    def from_key(cls, key: ec.EllipticCurvePublicKey) -> "Public":
        public = ECKey.import_key(key)
        kid = public.thumbprint()
        jwk = dict(public.as_dict(private=False))
        return cls(kid, jwk | {"kid": kid, "use": "sig", "alg": ALGORITHM})


@dataclass(frozen=True)
class Module:
    """The cryptographic module that signs."""

    store: str
    name: str
    version: str
    is_fips: bool | None  # in FIPS mode; None if it cannot be asked


class OpenKey(Protocol):
    """A private key that was unlocked, until it is closed."""

    public: Public

    def sign(self, message: bytes) -> bytes:
        """Return r and s as in RFC 7518 3.4; raise SignerUnavailable."""

    def close(self) -> None: ...


class KeyStore(Protocol):
    """The place of the private key. Methods raise SignerUnavailable if it is faulty.

    `known` maps the ids of recorded keys to True if the key still signs.
    """

    def open(self, known: Mapping[str, bool]) -> OpenKey: ...

    def create(self) -> str:
        """Make the first key and return where it is; raise KeyExists."""

    def replace(self) -> OpenKey:
        """Make the key that replaces the current one."""

    def module(self) -> Module: ...


def base64url(part: bytes) -> str:
    return urlsafe_b64encode(part).rstrip(b"=").decode()
