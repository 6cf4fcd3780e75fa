"""What an operator can set wrongly about the identity provider stops the start."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.conf import settings as portal_settings
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from epcs_portal.environment.value_types import parse_levels
from tests.keys import write_client_key


def found():
    return [error.id for error in run_checks() if error.id.startswith("idme.")]


@pytest.mark.parametrize(
    ("id_", "wrong"),
    [
        ("idme.E001", {"IDME_ISSUER": "api.id.me/oidc"}),
        ("idme.E001", {"IDME_ISSUER": "https://api.id.me/oidc?x=1"}),
        ("idme.E001", {"IDME_ISSUER": "http://api.id.me/oidc", "DEMO": False}),
        ("idme.E002", {"IDME_CLIENT_SECRET": ""}),
        ("idme.E005", {"IDME_SCOPES": "profile openid-other"}),
        ("idme.E006", {"IDME_CLAIMS": {"ial": "x"}}),
        ("idme.E006", {"IDME_CLAIMS": portal_settings.IDME_CLAIMS | {"npi": "npi"}}),
        ("idme.E006", {"IDME_CLAIMS": portal_settings.IDME_CLAIMS | {"ial": ""}}),
        ("idme.E007", {"IDME_PUSH_AMR": ["swk", "sms"]}),
        ("idme.E008", {"IDME_BINDING_MESSAGE_LENGTH": 10}),
        ("idme.E009", {"IDME_TIMEOUT": 0}),
        ("idme.E009", {"IDME_TIMEOUT": 600}),
    ],
)
def test_a_wrong_setting_is_an_error(settings, id_, wrong):
    for name, value in wrong.items():
        setattr(settings, name, value)

    assert found() == [id_]


def test_a_secret_and_a_key_contradict_each_other(settings, tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    settings.IDME_CLIENT_KEY_FILE = str(write_client_key(tmp_path, key))

    assert found() == ["idme.E002"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: ec.generate_private_key(ec.SECP256R1()),
        lambda: rsa.generate_private_key(65537, 2048),
    ],
    ids=["P-256", "RSA 2048"],
)
def test_a_key_instead_of_a_secret_is_fine(settings, tmp_path, make):
    settings.IDME_CLIENT_SECRET = ""
    settings.IDME_CLIENT_KEY_FILE = str(write_client_key(tmp_path, make()))

    assert found() == []


@pytest.mark.filterwarnings("ignore:Key size")
@pytest.mark.parametrize(
    "make",
    [
        lambda: ec.generate_private_key(ec.SECP384R1()),
        lambda: rsa.generate_private_key(65537, 1024),
    ],
    ids=["P-384", "RSA 1024"],
)
def test_another_kind_of_key_is_an_error(settings, tmp_path, make):
    settings.IDME_CLIENT_SECRET = ""
    settings.IDME_CLIENT_KEY_FILE = str(write_client_key(tmp_path, make()))

    assert found() == ["idme.E003"]


@pytest.mark.parametrize("content", [None, b"", b"not a key"])
def test_a_key_file_that_cannot_be_read_is_an_error(settings, tmp_path, content):
    path = tmp_path / "key.pem"
    if content is not None:
        path.write_bytes(content)
    settings.IDME_CLIENT_SECRET = ""
    settings.IDME_CLIENT_KEY_FILE = settings.IDME_USERINFO_KEY_FILE = str(path)

    assert found() == ["idme.E003", "idme.E004"]


def test_levels_are_read_as_the_provider_writes_them():
    said = "http://idmanagement.gov/ns/assurance/ial/2=2, a=b=3,"

    assert parse_levels(said, name="IDME_IAL_VALUES") == {
        "http://idmanagement.gov/ns/assurance/ial/2": 2,
        "a=b": 3,
    }


@pytest.mark.parametrize("said", ["2", "=2", "high=", "high=9", "high=two", "a=1;b=2;"])
def test_a_level_that_is_none_stops_the_start(said):
    with pytest.raises(ImproperlyConfigured, match="IDME_IAL_VALUES"):
        parse_levels(said, name="IDME_IAL_VALUES")
