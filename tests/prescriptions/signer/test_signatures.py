"""Signatures, and the keys on record that verify them."""

import base64
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.utils import timezone
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from audit.acts import Act
from audit.models import Event
from prescriptions import signer
from prescriptions.models import SigningKey, SigningModule
from tests.prescriptions.signer.key_files import write

pytestmark = pytest.mark.django_db


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


@pytest.mark.both_databases
def test_a_new_key_is_put_on_record_once_and_retires_the_one_before(settings, tmp_path):
    old = signer.current_key()
    old_signature = signer.sign(b"content")
    settings.SIGNING_KEY_FILE = str(
        write(tmp_path / "new.pem", ec.generate_private_key(ec.SECP256R1()))
    )
    signer.close()

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
    signer.close()
    signer.current_key()
    settings.SIGNING_KEY_FILE = first
    signer.close()

    assert signer.check_health() == [
        "The signing key was retired and another one replaced it."
    ]
    with pytest.raises(signer.SignerUnavailable):
        signer.current_key()


def other_signature(algorithm, key):
    row = SigningKey.objects.get()
    header = {"alg": algorithm, "kid": row.kid}
    return jws.serialize_compact(header, b"forged", key, algorithms=[algorithm])


def by_hand(header):
    """The good signature under a header that names something else."""
    head, _, rest = signer.sign(b"content").partition(".")
    kept = json.loads(base64.urlsafe_b64decode(head + "=="))
    changed = json.dumps(kept | header).encode()
    return f"{base64.urlsafe_b64encode(changed).decode().rstrip('=')}.{rest}"


@pytest.mark.parametrize(
    "change",
    [
        lambda signature: signature[:-4] + "AAAA",
        lambda signature: "x" + signature,
        lambda signature: signature.replace(".", "", 1),
        lambda signature: "",
        lambda signature: other_signature("ES256", ECKey.generate_key("P-256")),
    ],
    ids=["cut", "shifted", "malformed", "empty", "other key"],
)
def test_what_was_tampered_with_does_not_verify(change):
    signer.current_key()
    signature = signer.sign(b"content")

    with pytest.raises(signer.SignatureInvalid):
        signer.verify(change(signature))


@pytest.mark.cfr("1311.120(b)(16)(ii)")
@pytest.mark.parametrize(
    "forge",
    [
        lambda: other_signature("HS256", OctKey.import_key("k" * 32)),
        lambda: other_signature("RS256", RSAKey.generate_key(2048)),
        lambda: other_signature("ES384", ECKey.generate_key("P-384")),
        lambda: other_signature("Ed25519", OKPKey.generate_key("Ed25519")),
        lambda: by_hand({"alg": "none"}),
        lambda: by_hand({"alg": "ES1"}),
        lambda: by_hand({"alg": "RS1"}),
        lambda: by_hand({"alg": "MD5"}),
        lambda: by_hand({"alg": ["ES256"]}),
        lambda: by_hand({"alg": None}),
    ],
    ids=["HS256", "RS256", "ES384", "Ed25519", "none"]
    + ["ES1", "SHA-1", "MD5", "a list", "null"],
)
def test_only_ecdsa_over_p_256_with_sha_256_verifies(forge):
    signer.current_key()

    with pytest.raises(signer.SignatureInvalid):
        signer.verify(forge())


@pytest.mark.cfr("1311.120(b)(16)(ii)")
@pytest.mark.parametrize(
    "weak",
    [
        lambda: RSAKey.import_key(
            rsa.generate_private_key(65537, 1024).private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        ),
        lambda: OKPKey.generate_key("Ed25519"),
        lambda: ECKey.generate_key("P-384"),
    ],
    ids=["RSA-1024", "Ed25519", "P-384"],
)
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_a_key_of_another_kind_verifies_nothing_even_on_record(weak):
    signer.current_key()
    good, key = signer.sign(b"content"), weak()
    SigningKey.objects.create(
        kid="weak", public_jwk=key.as_dict(private=False), activated_at=timezone.now()
    )
    head, _, rest = good.partition(".")
    header = base64.urlsafe_b64encode(b'{"alg":"ES256","kid":"weak"}').decode()

    with pytest.raises(signer.SignatureInvalid):
        signer.verify(f"{header.rstrip('=')}.{rest}")


@pytest.mark.cfr("1311.120(b)(16)(i)")
def test_what_signs_is_on_record_once_for_every_change(settings):
    first = signer.record_module()

    assert signer.record_module() is None
    assert (first.store, first.name) == ("file", "OpenSSL")
    assert first.is_fips in {True, False}
    settings.SIGNING_MODULE_CERTIFICATE = "CMVP 4282"
    second = signer.record_module()

    assert SigningModule.objects.count() == 2
    found = Event.objects.filter(act=Act.SIGNING_MODULE_FOUND).order_by("sequence")
    assert [event.detail["certificate"] for event in found] == ["", "CMVP 4282"]
    assert found[0].detail["version"] == first.version
    assert found[0].detail["fips"] == second.is_fips


def test_a_key_that_is_not_on_record_does_not_count():
    with pytest.raises(signer.SignatureInvalid, match="not on record"):
        signer.verify(signer.sign(b"content"))
