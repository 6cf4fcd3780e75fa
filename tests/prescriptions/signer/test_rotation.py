"""A new signing key in place of the old one."""

import stat

import pytest
from django.core.management import CommandError, call_command
from joserfc import jws

from audit.acts import Act
from audit.models import Event
from prescriptions import signer
from prescriptions.signer import signing_key

pytestmark = pytest.mark.django_db


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
