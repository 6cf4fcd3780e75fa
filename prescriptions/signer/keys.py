"""What a key store has to offer: one P-256 key that signs and never shows itself."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey

ALGORITHM = "ES256"  # ECDSA over P-256 with SHA-256: FIPS 186-3, FIPS 180-3
SIZE = 32  # bytes of each half of a signature
RETIRED = "The signing key was retired and another one replaced it."


class SignerUnavailable(Exception):
    """There is no signing key in order; nothing can be signed. Says why."""


class KeyExists(Exception):
    """There is a key in the store already, and it is kept."""


@dataclass(frozen=True)
class Public:
    """The public half of a key; its id is the RFC 7638 thumbprint."""

    kid: str
    jwk: dict

    @classmethod
    def of(cls, key: ec.EllipticCurvePublicKey) -> "Public":
        public = ECKey.import_key(key)
        kid = public.thumbprint()
        jwk = dict(public.as_dict(private=False))
        return cls(kid, jwk | {"kid": kid, "use": "sig", "alg": ALGORITHM})


@dataclass(frozen=True)
class Module:
    """What does the signing; whether it runs in FIPS mode, where it can be asked."""

    store: str
    name: str
    version: str
    is_fips: bool | None


class OpenKey(Protocol):
    """A private key that was unlocked, until it is closed."""

    public: Public

    def sign(self, message: bytes) -> bytes:
        """Return r and s, as RFC 7518 3.4 has them; raise SignerUnavailable."""

    def close(self) -> None: ...


class KeyStore(Protocol):
    """Where the private key lies; `known` says of key ids on record whether they sign.

    Each raises SignerUnavailable when the store is not in order.
    """

    def open(self, known: Mapping[str, bool]) -> OpenKey: ...

    def create(self) -> str:
        """Make the first key, say where; raise KeyExists."""

    def replace(self) -> OpenKey:
        """Make the key that takes over from the one before."""

    def module(self) -> Module: ...


def encoded(part: bytes) -> str:
    return urlsafe_b64encode(part).rstrip(b"=").decode()
