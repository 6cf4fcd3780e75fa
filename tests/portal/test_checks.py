"""Adversarial case N01: what would make the portal unsafe stops it at start."""

import os
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from epcs_portal import checks
from epcs_portal.environment.value_types import parse_key_ring
from prescriptions import signer
from prescriptions.signer.keys import Module
from tests import production

SQLITE = {"ENGINE": "django.db.backends.sqlite3", "OPTIONS": {}}
IMMEDIATE = {"transaction_mode": "IMMEDIATE"}


@pytest.mark.parametrize(
    ("id_", "unsafe"),
    [
        (
            "portal.E001",
            {
                "DATABASES": {
                    "default": SQLITE | {"ATOMIC_REQUESTS": True, "OPTIONS": IMMEDIATE}
                }
            },
        ),
        ("portal.E002", {"DATABASES": {"default": SQLITE}}),
        ("portal.E003", {"INSTALLED_APPS": ["django_otp.plugins.otp_totp"]}),
        ("portal.E004", {"OTP_TOTP_SYNC": True}),
        (
            "portal.E005",
            {"SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies"},
        ),
        ("portal.E006", {"PORTAL_IS_HTTPS": False, "DEMO": False}),
        ("portal.E007", {"PORTAL_IS_HTTPS": True, "DEBUG": True}),
        ("portal.E008", {"SECRET_KEY": "short"}),
        ("portal.E009", {"SCRIPT_NETWORK_URL": "https://network.com/script"}),
        ("portal.E009", {"SCRIPT_NETWORK_URL": "http://localhost@network.com/"}),
        ("portal.E011", {"SCRIPT_VERSION": "10.6"}),
        ("portal.E012", {"SCRIPT_ANSWERS": {"Status/010": "fine"}}),
        ("portal.E012", {"SCRIPT_ANSWERS": {"010": "accepted"}}),
        ("portal.E010", {"SIGNING_KEY_STORE": "usb"}),
        ("portal.E010", {"SIGNING_KEY_FILE": ""}),
        ("portal.E010", {"SIGNING_KEY_STORE": "pkcs11", "SIGNING_PKCS11_TOKEN": "t"}),
    ],
)
def test_an_unsafe_setting_is_an_error(monkeypatch, id_, unsafe):
    for name, value in unsafe.items():
        monkeypatch.setattr(checks.settings, name, value)

    found = [error.id for error in checks.check_settings(None)]

    assert found == [id_]


def test_the_settings_of_the_tests_are_safe():
    assert checks.check_settings(None) == []


@pytest.mark.cfr("1311.100(b)(2)")
def test_a_demonstration_does_not_start_with_a_live_network(settings):
    settings.SCRIPT_NETWORK_URL = "https://network.com/script"

    with pytest.raises(SystemCheckError, match="may reach real pharmacies"):
        call_command("check")


@pytest.mark.cfr("1311.100(b)(2)")
def test_the_web_server_does_not_start_it_either(tmp_path):
    environment = os.environ | production.environment(tmp_path)
    environment |= {
        "DJANGO_SETTINGS_MODULE": "epcs_portal.settings",
        "DEMO": "1",
        "SCRIPT_NETWORK_URL": "https://network.com/script",
    }

    started = subprocess.run(
        [sys.executable, "-c", "import epcs_portal.wsgi"],
        env=environment,
        capture_output=True,
        text=True,
    )

    assert started.returncode != 0
    assert "may reach real pharmacies" in started.stderr


@pytest.fixture
def certificate(settings):
    """A production machine with its module and its secrets in order."""
    settings.DEMO = False
    settings.SIGNING_KEY_PASSPHRASE = ""
    settings.SIGNING_MODULE_CERTIFICATE = "CMVP 4282"
    return settings


def test_a_module_that_is_validated_needs_no_warning(certificate):
    assert checks.check_signing_module(None) == []


@pytest.mark.cfr("1311.120(b)(16)(i)")
def test_a_module_that_nobody_says_is_validated_is_a_warning(certificate, monkeypatch):
    certificate.SIGNING_MODULE_CERTIFICATE = ""

    for is_fips, found in [
        (False, ["portal.W001"]),
        (None, ["portal.W001"]),
        (True, []),
    ]:
        module = Module("file", "OpenSSL", "3", is_fips)
        monkeypatch.setattr(signer, "module", lambda found=module: found)
        assert [one.id for one in checks.check_signing_module(None)] == found


@pytest.mark.cfr("1311.120(b)(16)(iv)")
@pytest.mark.parametrize("name", ["SIGNING_KEY_PASSPHRASE", "SIGNING_KEY_PIN"])
def test_a_secret_that_cannot_be_cleared_is_a_warning(certificate, name):
    setattr(certificate, name, "secret")

    assert [one.id for one in checks.check_signing_module(None)] == ["portal.W002"]


def test_a_demonstration_is_spared_warnings_for_production(certificate):
    certificate.DEMO, certificate.SIGNING_KEY_PIN = True, "secret"

    assert checks.check_signing_module(None) == []


KEY = "Zm" * 21 + "Y="


@pytest.mark.parametrize(
    "ring",
    [
        "",
        "a1",
        "a1:",
        "a1:not base64",
        "a1:c2hvcnQ=",
        f":{KEY}",
        f"a1:{KEY},a1:{KEY[:-3]}mY=",
        f"a1:{KEY},a2:{KEY}",
        f"a b:{KEY}",
    ],
)
def test_a_broken_key_ring_stops_the_start(ring):
    with pytest.raises(ImproperlyConfigured, match="KEYS"):
        parse_key_ring(ring, name="KEYS")


@pytest.mark.parametrize(
    "ring", [f"{KEY}:a1", KEY, f"a1:{KEY},{KEY}:b2", f"a1:{KEY}:", f"{KEY}:a1,{KEY}:a1"]
)
def test_no_refusal_of_a_key_ring_tells_a_key(ring):
    """Whoever writes it the wrong way round reads why in a log."""
    with pytest.raises(ImproperlyConfigured) as refusal:
        parse_key_ring(ring, name="FIELD_KEYS")

    assert KEY not in str(refusal.value)
    assert "id:base64" in str(refusal.value)


def test_a_key_ring_keeps_its_order():
    other = KEY.replace("Zm", "Zg", 1)

    assert [key_id for key_id, _ in parse_key_ring(f"b:{KEY},a:{other}", name="K")] == [
        "b",
        "a",
    ]
