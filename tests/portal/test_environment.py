"""The one list of settings: what reads it, what documents it, what checks names by it."""

import re

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from epcs_portal import checks
from epcs_portal.environment import reference, variables
from epcs_portal.environment.declarations import SETTINGS
from tests.processes import ROOT

CHOICE = re.compile(r"([A-Z0-9_]+)=\w+")


def test_the_settings_module_reads_every_declared_setting_and_no_other():
    module = (ROOT / "epcs_portal" / "settings.py").read_text()

    assert sorted(re.findall(r'read\("(\w+)"\)', module)) == sorted(SETTINGS)


def test_the_document_is_the_one_that_the_command_prints(capsys):
    call_command("document_settings")

    assert capsys.readouterr().out == (ROOT / "docs" / "settings.md").read_text()


def test_the_document_holds_no_default_of_this_machine():
    assert str(ROOT) not in reference.markdown()


def test_what_a_setting_depends_on_is_a_setting():
    choices = [setting.required_when for setting in SETTINGS.values()]

    for choice in filter(None, choices):
        assert CHOICE.fullmatch(choice)[1] in SETTINGS


@pytest.mark.parametrize(
    ("name", "closest"),
    [
        ("ALOWED_HOSTS", "ALLOWED_HOSTS"),
        ("IDME_ISUER", "IDME_ISSUER"),
        ("IDME_DEVICES_CLAIM", "IDME_CLAIMS"),
        ("SCRIPT_NETWORK", "SCRIPT_NETWORK_URL"),
        ("SECRETKEY_FILE", "SECRET_KEY_FILE"),
        ("SIGNING_PASSPHRASE_FILE", "SIGNING_KEY_PASSPHRASE_FILE"),
    ],
)
def test_a_misspelled_variable_is_a_warning_that_names_the_setting(
    monkeypatch, name, closest
):
    monkeypatch.setenv(name, "value")

    (warning,) = checks.check_variable_names(None)

    assert (warning.id, warning.hint) == ("portal.W003", f"Did you mean {closest}?")
    assert name in warning.msg
    assert "value" not in warning.msg


def test_variables_of_other_programs_are_none_of_the_portals_business():
    others = ["HOME", "PATH", "PORT", "LANG", "DJANGO_SETTINGS_MODULE", "DEMO_WORLD"]
    others += ["WEB_CONCURRENCY", "SCRIPT_NAME", "PGUSER", "REQUESTS_CA_BUNDLE"]

    assert variables.misspelled(others) == {}


def test_a_setting_may_be_named_by_its_file():
    assert variables.misspelled(f"{name}_FILE" for name in SETTINGS) == {}


def test_a_setting_is_read_from_the_file_that_a_variable_names(monkeypatch, tmp_path):
    (tmp_path / "id").write_text("portal-7")
    monkeypatch.setenv("IDME_CLIENT_ID_FILE", str(tmp_path / "id"))

    assert variables.read("IDME_CLIENT_ID") == "portal-7"


def test_a_missing_required_setting_is_named(monkeypatch):
    monkeypatch.delenv("PORTAL_ORIGIN")

    with pytest.raises(ImproperlyConfigured, match="PORTAL_ORIGIN"):
        variables.read("PORTAL_ORIGIN")


@pytest.mark.parametrize(
    ("name", "value"), [("IDME_TIMEOUT", "ten"), ("IDME_CLAIMS", "ial")]
)
def test_an_unreadable_value_names_its_variable_and_not_the_value(
    monkeypatch, name, value
):
    monkeypatch.setenv(name, value)

    with pytest.raises(ImproperlyConfigured) as refusal:
        variables.read(name)

    assert str(refusal.value).startswith(f"{name} is not ")
    assert f" {value}" not in str(refusal.value)


def test_each_family_of_settings_is_read_in_one_place():
    """Others ask the typed object; the checks of one setting may name it."""
    owners = {
        "prescriptions/signer",
        "epcs_portal/checks.py",
        "epcs_portal/settings.py",
    }
    files = [
        path.relative_to(ROOT)
        for app in ["audit", "mfa", "providers", "prescriptions", "epcs_portal"]
        for path in (ROOT / app).rglob("*.py")
        if re.search(r"settings\.(IDME|SCRIPT|SIGNING)_", path.read_text())
    ]

    assert files
    assert not [str(path) for path in files if not str(path).startswith(tuple(owners))]
