"""A key store in a PKCS#11 token, such as a hardware security module.

The key never leaves the token. Needs python-pkcs11 (SIGNING_KEY_STORE=pkcs11).
"""

import hashlib
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias

import pkcs11
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.exceptions import PinIncorrect, PinLocked, PKCS11Error
from pkcs11.util.ec import encode_named_curve_parameters

from prescriptions.signer.keys import (
    RETIRED,
    SIZE,
    KeyExists,
    Module,
    Public,
    SignerUnavailable,
)
from prescriptions.signer.passphrases import secret

PrivateKey: TypeAlias = Any  # python-pkcs11 mixes sign() in at run time
KeyPair: TypeAlias = tuple[PrivateKey, Public]

CURVE = encode_named_curve_parameters("secp256r1")
POINT = 1 + 2 * SIZE  # bytes, uncompressed
WRONG_PIN = (
    "The token refused its PIN. It is not tried again before a restart, as a few wrong "
    "ones lock a token."
)

# Digests of refused PINs: more attempts would lock the token for good.
_refused: set[bytes] = set()


class TokenKey:
    """A key inside the token, used through one session at a time."""

    def __init__(self, session: pkcs11.Session, private: PrivateKey, public: Public):
        self._session, self._private = session, private
        self._lock = threading.Lock()
        self.public = public

    def sign(self, message: bytes) -> bytes:
        digest = hashlib.sha256(message).digest()
        with self._lock, _problems():
            if self._private is None:
                raise SignerUnavailable("The signing key was locked away.")
            return self._private.sign(digest, mechanism=Mechanism.ECDSA)

    def close(self) -> None:
        with self._lock, suppress(PKCS11Error):
            if self._private is not None:
                self._private = None
                self._session.close()


class TokenStore:
    """The keys of one label in the token SIGNING_PKCS11_TOKEN."""

    def open(self, known: Mapping[str, bool]) -> TokenKey:
        session = self._session()
        try:
            with _problems():
                return TokenKey(session, *_chosen(_keys(session), known))
        except SignerUnavailable:
            session.close()
            raise

    def create(self) -> str:
        session = self._session(rw=True)
        try:
            with _problems():
                if _keys(session):
                    raise KeyExists("The token holds a signing key, which is kept.")
                _generate(session)
        finally:
            session.close()
        return f"the token “{settings.SIGNING_PKCS11_TOKEN}” and cannot leave it"

    def replace(self) -> TokenKey:
        session = self._session(rw=True)
        with _problems():
            return TokenKey(session, *_generate(session))

    def module(self) -> Module:
        with _problems():
            token = self._token()
            name = f"{token.manufacturer_id.strip()} {token.model.strip()}"
            version = ".".join(str(part) for part in token.firmware_version)
        return Module("pkcs11", name, version, None)

    def _token(self) -> pkcs11.Token:
        library = pkcs11.lib(settings.SIGNING_PKCS11_MODULE)
        return library.get_token(token_label=settings.SIGNING_PKCS11_TOKEN)

    def _session(self, *, rw: bool = False) -> pkcs11.Session:
        with (
            secret(
                settings.SIGNING_KEY_PIN,
                settings.SIGNING_KEY_PIN_FILE,
                name="SIGNING_KEY_PIN",
            ) as pin,
            _problems(),
        ):
            digest = hashlib.sha256(pin).digest()
            if digest in _refused:
                raise SignerUnavailable(WRONG_PIN)
            try:
                return self._token().open(rw=rw, user_pin=pin.decode())
            except (PinIncorrect, PinLocked):
                _refused.add(digest)
                raise SignerUnavailable(WRONG_PIN) from None


def _chosen(keys: dict[str, KeyPair], known: Mapping[str, bool]) -> KeyPair:
    """Return the halves of the recorded signing key, or of the only new key."""
    signing = [kid for kid in keys if known.get(kid)]
    new = [kid for kid in keys if kid not in known]
    if len(signing or new) == 1:
        return keys[(signing or new)[0]]
    if not keys:
        raise SignerUnavailable("The token holds no signing key of this label.")
    if not new:
        raise SignerUnavailable(RETIRED)
    raise SignerUnavailable("The token holds several new keys of this label.")


def _keys(session: pkcs11.Session) -> dict[str, KeyPair]:
    """Return the key pairs of the configured label by key id."""
    label = settings.SIGNING_PKCS11_KEY_LABEL
    wanted = {
        Attribute.CLASS: ObjectClass.PUBLIC_KEY,
        Attribute.KEY_TYPE: KeyType.EC,
        Attribute.LABEL: label,
    }
    pairs = {}
    for half in list(session.get_objects(wanted)):
        if half[Attribute.EC_PARAMS] != CURVE:
            raise SignerUnavailable("The signing key is not a P-256 key.")
        public = _public(half)
        private = session.get_key(
            ObjectClass.PRIVATE_KEY, key_type=KeyType.EC, id=half[Attribute.ID]
        )
        if private[Attribute.EXTRACTABLE]:
            raise SignerUnavailable("The signing key could be taken out of the token.")
        pairs[public.kid] = private, public
    return pairs


def _generate(session: pkcs11.Session) -> KeyPair:
    parameters = session.create_domain_parameters(
        KeyType.EC, {Attribute.EC_PARAMS: CURVE}, local=True
    )
    public, private = parameters.generate_keypair(
        store=True,
        label=settings.SIGNING_PKCS11_KEY_LABEL,
        id=os.urandom(16),
        private_template={Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
    )
    return private, _public(public)


def _public(half: pkcs11.Object) -> Public:
    point = half[Attribute.EC_POINT][-POINT:]  # wrapped as a DER octet string
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    return Public.from_key(key)


@contextmanager
def _problems() -> Iterator[None]:
    try:
        yield
    except (PKCS11Error, ValueError) as problem:
        reason = str(problem) or type(problem).__name__
        raise SignerUnavailable(f"The token does not sign: {reason}.") from None
