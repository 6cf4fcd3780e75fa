"""The signing key: locked on disk, checked before use, verified by key id."""

import json
import stat

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.core.management import CommandError, call_command
from joserfc import jws
from joserfc.jwk import ECKey, OctKey

from audit.acts import Act
from audit.models import Event
from prescriptions import signer
from prescriptions.models import SigningKey

pytestmark = pytest.mark.django_db

PASSPHRASE = b"tests only"


def write(path, key, *, passphrase=PASSPHRASE):
    encryption = (
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption()
    )
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        )
    )
    return path


def test_a_signature_verifies_and_names_its_key():
    key = signer.current_key()

    signature = signer.sign(b"content")

    assert signer.verify(signature) == b"content"
    header = jws.extract_compact(signature.encode()).headers()
    assert header == {"alg": "ES256", "kid": key.kid}


def test_another_machine_verifies_with_the_published_keys():
    signer.current_key()
    signature = signer.sign(b"content")

    [jwk] = json.loads(json.dumps(signer.public_jwks()))["keys"]

    assert "d" not in jwk
    verified = jws.deserialize_compact(
        signature, ECKey.import_key(jwk), algorithms=["ES256"]
    )
    assert verified.payload == b"content"


def test_a_new_key_is_put_on_record_once_and_retires_the_one_before(settings, tmp_path):
    old = signer.current_key()
    old_signature = signer.sign(b"content")
    settings.SIGNING_KEY_FILE = str(
        write(tmp_path / "new.pem", ec.generate_private_key(ec.SECP256R1()))
    )
    signer.deactivate()

    new = signer.current_key()
    signer.current_key()

    old.refresh_from_db()
    assert old.retired_at is not None
    assert new.retired_at is None
    assert Event.objects.filter(act=Act.KEY_CREATED).count() == 2
    assert signer.verify(old_signature) == b"content"


def test_a_retired_key_signs_no_more(settings, tmp_path):
    first = settings.SIGNING_KEY_FILE
    signer.current_key()
    settings.SIGNING_KEY_FILE = str(
        write(tmp_path / "new.pem", ec.generate_private_key(ec.SECP256R1()))
    )
    signer.deactivate()
    signer.current_key()
    settings.SIGNING_KEY_FILE = first
    signer.deactivate()

    assert signer.check_health() == [
        "The signing key was retired and another one replaced it."
    ]
    with pytest.raises(signer.SignerUnavailable):
        signer.current_key()


@pytest.mark.parametrize(
    "change",
    [
        lambda signature: signature[:-4] + "AAAA",
        lambda signature: "x" + signature,
        lambda signature: signature.replace(".", "", 1),
        lambda signature: "",
        lambda signature: jws.serialize_compact(
            {"alg": "ES256", "kid": SigningKey.objects.get().kid},
            b"forged",
            ECKey.generate_key("P-256"),
        ),
        lambda signature: jws.serialize_compact(
            {"alg": "HS256", "kid": SigningKey.objects.get().kid},
            b"forged",
            OctKey.import_key(json.dumps(SigningKey.objects.get().public_jwk)),
        ),
    ],
    ids=["cut", "shifted", "malformed", "empty", "other key", "other algorithm"],
)
def test_what_was_tampered_with_does_not_verify(change):
    signer.current_key()
    signature = signer.sign(b"content")

    with pytest.raises(signer.SignatureInvalid):
        signer.verify(change(signature))


def test_a_key_that_is_not_on_record_does_not_count():
    with pytest.raises(signer.SignatureInvalid, match="not on record"):
        signer.verify(signer.sign(b"content"))


@pytest.mark.cfr("1311.120(b)(16)")
@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda path: path / "missing.pem", "cannot be read"),
        (
            lambda path: write(
                path / "k", ec.generate_private_key(ec.SECP256R1()), passphrase=None
            ),
            "lies unencrypted on disk",
        ),
        (
            lambda path: write(
                path / "k", ec.generate_private_key(ec.SECP256R1()), passphrase=b"other"
            ),
            "does not open with its passphrase",
        ),
        (
            lambda path: write(path / "k", ec.generate_private_key(ec.SECP384R1())),
            "is not a P-256 key",
        ),
        (
            lambda path: write(path / "k", rsa.generate_private_key(65537, 2048)),
            "is not a P-256 key",
        ),
    ],
    ids=["missing", "unencrypted", "passphrase", "P-384", "RSA"],
)
def test_a_key_that_is_not_in_order_stops_everything(settings, tmp_path, make, problem):
    signer.deactivate()
    settings.SIGNING_KEY_FILE = str(make(tmp_path))

    [found] = signer.check_health()

    assert problem in found
    with pytest.raises(signer.SignerUnavailable, match=problem):
        signer.sign(b"content")


def test_with_its_key_in_order_nothing_is_wrong():
    assert signer.check_health() == []


@pytest.mark.cfr("1311.120(b)(16)(iv)")
def test_a_deactivated_signer_unlocks_the_key_anew(settings):
    signer.sign(b"content")
    signer.deactivate()
    settings.SIGNING_KEY_PASSPHRASE = "forgotten"

    with pytest.raises(signer.SignerUnavailable):
        signer.sign(b"content")


@pytest.mark.cfr("1311.120(b)(16)(iii)")
def test_the_command_writes_an_encrypted_key_for_its_owner_only(
    settings, tmp_path, capsys
):
    path = tmp_path / "signing.pem"
    settings.SIGNING_KEY_FILE = str(path)
    signer.deactivate()

    call_command("create_signing_key")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"ENCRYPTED PRIVATE KEY" in path.read_bytes()
    assert signer.check_health() == []


def test_the_command_keeps_a_key_that_is_there(settings, tmp_path):
    path = tmp_path / "signing.pem"
    path.write_text("precious")
    settings.SIGNING_KEY_FILE = str(path)

    with pytest.raises(CommandError, match="is kept"):
        call_command("create_signing_key")

    assert path.read_text() == "precious"
