"""The signing key: locked on disk, checked before use, verified by key id."""

import base64
import json
import stat

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.core.management import CommandError, call_command
from django.utils import timezone
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from audit.acts import Act
from audit.models import Event
from prescriptions import signer
from prescriptions.models import SigningDeactivation, SigningKey, SigningModule
from prescriptions.signer import signing_key

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
    signer.close()
    settings.SIGNING_KEY_FILE = str(make(tmp_path))

    [found] = signer.check_health()

    assert problem in found
    with pytest.raises(signer.SignerUnavailable, match=problem):
        signer.sign(b"content")


def test_with_its_key_in_order_nothing_is_wrong():
    assert signer.check_health() == []


@pytest.mark.cfr("1311.120(b)(16)(iv)")
def test_a_deactivated_signer_signs_no_more_until_it_is_activated(capsys):
    signer.sign(b"content")
    opened = signing_key._unlocked

    call_command("deactivate_signing", "The server moves.")

    assert signing_key._unlocked is None
    with pytest.raises(signer.SignerUnavailable, match="locked away"):
        opened.sign(b"content")
    with pytest.raises(signer.SignerUnavailable, match="The server moves"):
        signer.sign(b"content")
    assert "The server moves." in signer.check_health()[0]
    event = Event.objects.get(act=Act.SIGNING_DEACTIVATED)
    assert event.detail == {"reason": "The server moves."}

    call_command("activate_signing")

    assert signer.check_health() == []
    assert Event.objects.filter(act=Act.SIGNING_ACTIVATED).count() == 1


@pytest.mark.cfr("1311.120(b)(16)(iv)")
def test_a_process_that_had_unlocked_the_key_locks_it_too():
    """Another process has deactivated; this one finds out before it signs."""
    signer.sign(b"content")
    assert signing_key._unlocked is not None
    SigningDeactivation.objects.create(
        deactivated_at=timezone.now(), reason="Elsewhere."
    )

    with pytest.raises(signer.SignerUnavailable, match="Elsewhere"):
        signer.sign(b"content")

    assert signing_key._unlocked is None


def test_the_key_is_unlocked_and_on_record_as_a_process_starts():
    signer.unlock()

    assert signing_key._unlocked.public.kid == SigningKey.objects.get().kid


def test_a_process_starts_without_a_key_and_says_so(settings, caplog):
    """Its pages are there to tell what is wrong; the gate lets nobody sign."""
    settings.SIGNING_KEY_PASSPHRASE = "forgotten"

    signer.unlock()

    assert "does not open with its passphrase" in caplog.text
    assert "forgotten" not in caplog.text
    assert signing_key._unlocked is None


def test_activating_what_was_not_locked_away_leaves_no_event(capsys):
    call_command("activate_signing")

    assert "was not locked away" in capsys.readouterr().out
    assert not Event.objects.filter(act=Act.SIGNING_ACTIVATED).exists()


@pytest.mark.cfr("1311.120(b)(16)(iv)")
@pytest.mark.parametrize("is_in_file", [True, False], ids=["file", "environment"])
def test_the_passphrase_is_overwritten_once_the_key_is_open(
    settings, tmp_path, monkeypatch, is_in_file
):
    given = []
    load = serialization.load_pem_private_key

    def watched(pem, password):
        assert bytes(password) == PASSPHRASE
        given.append(password)
        return load(pem, password)

    if is_in_file:
        (tmp_path / "passphrase").write_bytes(PASSPHRASE + b"\n")
        settings.SIGNING_KEY_PASSPHRASE_FILE = str(tmp_path / "passphrase")
        settings.SIGNING_KEY_PASSPHRASE = ""
    monkeypatch.setattr(serialization, "load_pem_private_key", watched)
    signer.close()

    signer.sign(b"content")

    [buffer] = given
    assert buffer == bytes(len(PASSPHRASE))


def test_a_wrong_passphrase_is_overwritten_too(settings, monkeypatch):
    given = []
    load = serialization.load_pem_private_key

    def watched(pem, password):
        given.append(password)
        return load(pem, password)

    monkeypatch.setattr(serialization, "load_pem_private_key", watched)
    settings.SIGNING_KEY_PASSPHRASE = "forgotten"
    signer.close()

    with pytest.raises(signer.SignerUnavailable):
        signer.sign(b"content")

    assert not any(given[0])


@pytest.mark.parametrize(
    ("file", "problem"),
    [("missing", "cannot be read"), ("empty", "Set SIGNING_KEY_PASSPHRASE_FILE")],
)
def test_a_passphrase_that_is_not_there_is_said(settings, tmp_path, file, problem):
    (tmp_path / "empty").touch()
    settings.SIGNING_KEY_PASSPHRASE_FILE = str(tmp_path / file)
    signer.close()

    [found] = signer.check_health()

    assert problem in found


@pytest.fixture
def own_file(settings, tmp_path, capsys):
    """A key file that a test may replace."""
    settings.SIGNING_KEY_FILE = str(tmp_path / "signing.pem")
    signer.close()
    call_command("create_signing_key")
    return tmp_path / "signing.pem"


@pytest.mark.cfr("1311.120(b)(16)(iii)")
def test_rotation_makes_a_new_key_and_old_signatures_still_verify(own_file, capsys):
    old = signer.current_key()
    old_signature, old_file = signer.sign(b"before"), own_file.read_bytes()

    call_command("rotate_signing_key")

    new = signer.current_key()
    assert new.kid != old.kid
    assert new.kid in capsys.readouterr().out
    assert signer.verify(old_signature) == b"before"
    assert signer.verify(signer.sign(b"after")) == b"after"
    assert jws.extract_compact(signer.sign(b"after").encode()).headers()["kid"] == (
        new.kid
    )
    assert {key["kid"] for key in signer.public_jwks()["keys"]} == {old.kid, new.kid}
    old.refresh_from_db()
    assert old.retired_at is not None
    assert own_file.read_bytes() != old_file
    assert [path.name for path in own_file.parent.iterdir()] == ["signing.pem"]
    assert stat.S_IMODE(own_file.stat().st_mode) == 0o600


def test_rotation_is_in_the_record(own_file, capsys):
    old = signer.current_key()

    call_command("rotate_signing_key")

    new = signer.current_key()
    created = Event.objects.filter(act=Act.KEY_CREATED).order_by("sequence")
    assert [event.detail["key_id"] for event in created] == [old.kid, new.kid]
    retired = Event.objects.get(act=Act.KEY_RETIRED)
    assert retired.detail == {"key_id": old.kid}


def test_another_process_goes_on_with_the_new_key(own_file, capsys):
    """It has the old key unlocked, and finds on record that it was retired."""
    signer.current_key()
    stale = signing_key._unlocked
    call_command("rotate_signing_key")
    signing_key._unlocked = stale

    assert signer.check_health() == []
    assert signer.current_key().retired_at is None


def test_an_old_file_that_is_put_back_signs_no_more(own_file, capsys):
    signer.current_key()
    old = own_file.read_bytes()
    call_command("rotate_signing_key")
    own_file.write_bytes(old)
    signer.close()

    [problem] = signer.check_health()

    assert "was retired" in problem


def test_a_rotation_that_was_interrupted_can_be_done_again(own_file, capsys):
    signer.current_key()
    own_file.with_name("signing.pem.new").write_text("half a k")

    call_command("rotate_signing_key")

    assert signer.check_health() == []


def test_a_payload_that_names_a_key_is_signed_by_no_other(own_file, capsys):
    old = signer.current_key()
    call_command("rotate_signing_key")

    with pytest.raises(signer.SignerUnavailable, match="replaced meanwhile"):
        signer.sign(b"content", kid=old.kid)


def test_without_a_key_in_order_nothing_is_rotated(own_file):
    own_file.unlink()

    with pytest.raises(CommandError, match="cannot be read"):
        call_command("rotate_signing_key")

    assert not own_file.exists()


@pytest.mark.cfr("1311.120(b)(16)(iii)")
def test_the_command_writes_an_encrypted_key_for_its_owner_only(
    settings, tmp_path, capsys
):
    path = tmp_path / "signing.pem"
    settings.SIGNING_KEY_FILE = str(path)
    signer.close()

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
