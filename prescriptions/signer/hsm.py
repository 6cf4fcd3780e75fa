"""The key in a PKCS#11 token, such as a hardware security module: it never leaves it.

Uses python-pkcs11, which is installed where SIGNING_KEY_STORE=pkcs11 asks for it.
"""

import hashlib
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

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

CURVE = encode_named_curve_parameters("secp256r1")
POINT = 1 + 2 * SIZE  # bytes, uncompressed
WRONG_PIN = (
    "The token refused its PIN. It is not tried again before a restart, as a few wrong "
    "ones lock a token."
)

# Digest of a PIN that was refused: asking on would lock the token for good.
_refused: set[bytes] = set()


class TokenKey:
    """A key that the token uses for us; a session is one at a time."""

    def __init__(self, session, private, public: Public):
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
    """SIGNING_PKCS11_TOKEN, and in it the keys of one label."""

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
            public, private = _generate(session)
        return TokenKey(session, private, public)

    def module(self) -> Module:
        with _problems():
            token = self._token()
            name = f"{token.manufacturer_id.strip()} {token.model.strip()}"
            version = ".".join(str(part) for part in token.firmware_version)
        return Module("pkcs11", name, version, None)

    def _token(self):
        library = pkcs11.lib(settings.SIGNING_PKCS11_MODULE)
        return library.get_token(token_label=settings.SIGNING_PKCS11_TOKEN)

    def _session(self, *, rw: bool = False):
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


def _chosen(keys: dict, known: Mapping[str, bool]) -> tuple:
    """Return the key that signs: the one on record, or the only one that is new."""
    signing = [kid for kid in keys if known.get(kid)]
    new = [kid for kid in keys if kid not in known]
    if len(signing or new) == 1:
        private, public = keys[(signing or new)[0]]
        return private, public
    if not keys:
        raise SignerUnavailable("The token holds no signing key of this label.")
    if not new:
        raise SignerUnavailable(RETIRED)
    raise SignerUnavailable("The token holds several new keys of this label.")


def _keys(session) -> dict:
    """Return the private and public halves of the label's keys by key id."""
    label = settings.SIGNING_PKCS11_KEY_LABEL
    wanted = {
        Attribute.CLASS: ObjectClass.PUBLIC_KEY,
        Attribute.KEY_TYPE: KeyType.EC,
        Attribute.LABEL: label,
    }
    found = {}
    for half in list(session.get_objects(wanted)):
        if half[Attribute.EC_PARAMS] != CURVE:
            raise SignerUnavailable("The signing key is not a P-256 key.")
        public = _public(half)
        private = session.get_key(
            ObjectClass.PRIVATE_KEY, key_type=KeyType.EC, id=half[Attribute.ID]
        )
        if private[Attribute.EXTRACTABLE]:
            raise SignerUnavailable("The signing key could be taken out of the token.")
        found[public.kid] = private, public
    return found


def _generate(session) -> tuple:
    parameters = session.create_domain_parameters(
        KeyType.EC, {Attribute.EC_PARAMS: CURVE}, local=True
    )
    public, private = parameters.generate_keypair(
        store=True,
        label=settings.SIGNING_PKCS11_KEY_LABEL,
        id=os.urandom(16),
        private_template={Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
    )
    return _public(public), private


def _public(half) -> Public:
    point = half[Attribute.EC_POINT][-POINT:]  # wrapped as a DER octet string
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    return Public.of(key)


@contextmanager
def _problems() -> Iterator[None]:
    try:
        yield
    except (PKCS11Error, ValueError) as problem:
        said = str(problem) or type(problem).__name__
        raise SignerUnavailable(f"The token does not sign: {said}.") from None
