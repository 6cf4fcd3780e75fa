"""Adversarial case N01: what would make the portal unsafe stops it at start."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from epcs_portal import checks, keys

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
    ],
)
def test_an_unsafe_setting_is_an_error(monkeypatch, id_, unsafe):
    for name, value in unsafe.items():
        monkeypatch.setattr(checks.settings, name, value)

    found = [error.id for error in checks.check_settings(None)]

    assert found == [id_]


def test_the_settings_of_the_tests_are_safe():
    assert checks.check_settings(None) == []


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
        keys.parse(ring, name="KEYS")


def test_a_key_ring_keeps_its_order():
    other = KEY.replace("Zm", "Zg", 1)

    assert [key_id for key_id, _ in keys.parse(f"b:{KEY},a:{other}", name="K")] == [
        "b",
        "a",
    ]
