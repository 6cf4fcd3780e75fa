"""The signing key in a PKCS#11 token, played by SoftHSM."""

import itertools
import os

import pkcs11
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from joserfc import jws
from joserfc.jwk import ECKey
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.util.ec import encode_named_curve_parameters

from audit.acts import Act
from audit.models import Event
from prescriptions import signer
from prescriptions.models import SignedRecord, SigningKey, Status
from prescriptions.signer import hsm, passphrases, signing_key
from tests.prescriptions import factories
from tests.softhsm import LIBRARY, PIN, TOKEN, is_here, make_token

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        not is_here(),
        reason="SoftHSM was not found. The PKCS#11 key store is NOT tested.",
    ),
]
_serial = itertools.count(1)


@pytest.fixture(scope="session")
def softhsm(tmp_path_factory):
    make_token(tmp_path_factory.mktemp("softhsm"))


@pytest.fixture(autouse=True)
def token(softhsm, settings):
    """The portal signs with a token that holds no key yet."""
    settings.SIGNING_KEY_STORE = "pkcs11"
    settings.SIGNING_PKCS11_MODULE = str(LIBRARY)
    settings.SIGNING_PKCS11_TOKEN = TOKEN
    settings.SIGNING_PKCS11_KEY_LABEL = f"key-{next(_serial)}"
    settings.SIGNING_KEY_PIN = PIN
    settings.SIGNING_KEY_FILE = settings.SIGNING_KEY_PASSPHRASE = ""
    signer.close()
    yield settings
    signer.close()
    hsm._refused.clear()


@pytest.fixture
def key(token, capsys):
    call_command("create_signing_key")
    return signer.current_key()


def in_token(settings):
    """Every private key of the label, as the token itself describes it."""
    signer.close()
    library = pkcs11.lib(str(LIBRARY))
    with library.get_token(token_label=TOKEN).open(user_pin=PIN) as session:
        label = settings.SIGNING_PKCS11_KEY_LABEL
        wanted = {Attribute.LABEL: label, Attribute.CLASS: ObjectClass.PRIVATE_KEY}
        return [
            {
                name: half[name]
                for name in [
                    Attribute.EXTRACTABLE,
                    Attribute.SENSITIVE,
                    Attribute.NEVER_EXTRACTABLE,
                ]
            }
            for half in session.get_objects(wanted)
        ]


@pytest.mark.cfr("1311.120(b)(16)")
def test_a_token_signs_and_others_verify_with_the_published_key(key):
    signature = signer.sign(b"content")

    assert signer.verify(signature) == b"content"
    [jwk] = signer.public_jwks()["keys"]
    public = ECKey.import_key(jwk)
    assert jws.deserialize_compact(signature, public, algorithms=["ES256"]).payload == (
        b"content"
    )
    assert signer.check_health() == []


@pytest.mark.cfr("1311.120(b)(15)")
def test_a_prescription_is_signed_with_the_key_in_the_token(key, alice, phone):
    record = factories.sign(factories.make_ready(alice.provider), phone)

    assert record.key == key
    assert signer.verify(record.jws) == record.payload.encode()
    assert SignedRecord.objects.get().prescription.status == Status.QUEUED


@pytest.mark.cfr("1311.120(b)(16)(iii)")
def test_the_private_key_cannot_leave_the_token(key, token):
    assert in_token(token) == [
        {
            Attribute.EXTRACTABLE: False,
            Attribute.SENSITIVE: True,
            Attribute.NEVER_EXTRACTABLE: True,
        }
    ]


@pytest.mark.cfr("1311.120(b)(16)(iii)")
def test_a_key_that_could_leave_the_token_does_not_sign(token):
    generate(token, extractable=True)

    [problem] = signer.check_health()

    assert "could be taken out" in problem


@pytest.mark.cfr("1311.120(b)(16)(ii)")
def test_a_key_on_another_curve_does_not_sign(token):
    generate(token, curve="secp384r1")

    [problem] = signer.check_health()

    assert "not a P-256 key" in problem


@pytest.mark.cfr("1311.120(b)(16)(i)")
def test_the_token_says_what_it_is_and_nobody_claims_fips_for_it():
    row = signer.record_module()

    assert row.store == "pkcs11"
    assert "SoftHSM" in row.name
    assert row.version
    assert row.is_fips is None


def test_rotation_keeps_the_old_key_for_verification_only(key, capsys):
    signature = signer.sign(b"before")

    call_command("rotate_signing_key")

    new = signer.current_key()
    assert new.kid != key.kid
    assert signer.verify(signature) == b"before"
    assert signer.verify(signer.sign(b"after")) == b"after"
    key.refresh_from_db()
    assert key.retired_at is not None
    assert Event.objects.filter(act=Act.KEY_RETIRED).count() == 1


def test_a_key_of_a_rotation_that_was_interrupted_never_signs(key, token, capsys):
    signer.close()
    generate(token)

    assert signer.current_key() == key
    call_command("rotate_signing_key")

    assert SigningKey.objects.count() == 2
    assert signer.current_key() != key


def test_of_two_keys_that_nobody_knows_neither_signs(token):
    generate(token)
    generate(token)

    [problem] = signer.check_health()

    assert "several new keys" in problem


def test_a_token_whose_only_key_was_retired_signs_no_more(key):
    SigningKey.objects.update(retired_at=timezone.now())
    signer.close()

    [problem] = signer.check_health()

    assert "was retired" in problem


def test_the_command_keeps_a_key_that_is_there(key, token):
    with pytest.raises(CommandError, match="is kept"):
        call_command("create_signing_key")

    assert len(in_token(token)) == 1


def test_a_token_without_a_key_does_not_sign():
    [problem] = signer.check_health()

    assert "holds no signing key" in problem


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIGNING_PKCS11_TOKEN", "another"),
        ("SIGNING_PKCS11_MODULE", "/nowhere/library.so"),
        ("SIGNING_KEY_PIN", ""),
    ],
    ids=["token", "library", "PIN"],
)
def test_a_token_that_cannot_be_opened_stops_signing(key, token, name, value):
    signer.close()
    setattr(token, name, value)

    [problem] = signer.check_health()

    assert problem.startswith(("The token does not sign", "Set SIGNING_KEY_PIN_FILE"))
    with pytest.raises(signer.SignerUnavailable):
        signer.sign(b"content")


def test_a_wrong_pin_is_tried_once_so_that_the_token_is_not_locked(
    key, token, monkeypatch
):
    signer.close()
    token.SIGNING_KEY_PIN = "wrong-pin"
    opened = []
    unlock = hsm.TokenStore._token
    monkeypatch.setattr(
        hsm.TokenStore, "_token", lambda self: opened.append(1) or unlock(self)
    )

    problems = {problem for _ in range(5) for problem in signer.check_health()}

    assert problems == {hsm.WRONG_PIN}
    assert len(opened) == 1
    token.SIGNING_KEY_PIN = PIN
    assert signer.check_health() == []


@pytest.mark.cfr("1311.120(b)(16)(iv)")
def test_the_pin_in_a_file_is_overwritten_after_use(key, token, tmp_path, monkeypatch):
    (tmp_path / "pin").write_text(f"{PIN}\n")
    token.SIGNING_KEY_PIN, token.SIGNING_KEY_PIN_FILE = "", str(tmp_path / "pin")
    signer.close()
    seen = []
    read = passphrases._read
    monkeypatch.setattr(
        passphrases,
        "_read",
        lambda path, *, name: seen.append(read(path, name=name)) or seen[-1],
    )

    signer.sign(b"content")

    assert seen == [bytearray(len(PIN))]


@pytest.mark.cfr("1311.120(b)(16)(iv)")
def test_deactivation_ends_the_session_with_the_token(key, capsys):
    signer.sign(b"content")
    opened = signing_key._unlocked

    call_command("deactivate_signing", "For the inspection.")

    with pytest.raises(signer.SignerUnavailable, match="locked away"):
        opened.sign(b"content")
    with pytest.raises(signer.SignerUnavailable, match="For the inspection"):
        signer.sign(b"content")


def test_a_session_that_was_lost_is_opened_anew_the_next_time(key):
    signer.sign(b"content")
    signing_key._unlocked._session.close()

    with pytest.raises(signer.SignerUnavailable):
        signer.sign(b"content")

    assert signer.verify(signer.sign(b"content")) == b"content"


def generate(settings, *, extractable=False, curve="secp256r1"):
    """A key that somebody else has made in the token."""
    library = pkcs11.lib(str(LIBRARY))
    with library.get_token(token_label=TOKEN).open(rw=True, user_pin=PIN) as session:
        parameters = session.create_domain_parameters(
            KeyType.EC,
            {Attribute.EC_PARAMS: encode_named_curve_parameters(curve)},
            local=True,
        )
        parameters.generate_keypair(
            store=True,
            label=settings.SIGNING_PKCS11_KEY_LABEL,
            id=os.urandom(16),
            mechanism=Mechanism.EC_KEY_PAIR_GEN,
            private_template={
                Attribute.SENSITIVE: not extractable,
                Attribute.EXTRACTABLE: extractable,
            },
        )
