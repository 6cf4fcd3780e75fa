"""A signing key that is out of order or deactivated, and its passphrase."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.core.management import call_command
from django.utils import timezone

from audit.acts import Act
from audit.models import Event
from prescriptions import signer
from prescriptions.models import SigningDeactivation, SigningKey
from prescriptions.signer import signing_key
from tests.prescriptions.signer.key_files import PASSPHRASE, write

pytestmark = pytest.mark.django_db


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
