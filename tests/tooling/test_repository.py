import re
import subprocess
import tomllib

import pytest

from epcs_portal.environment.declarations import SETTINGS
from tests.processes import ROOT

TRACKED = subprocess.run(
    ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.split("\0")
TEXTS = [
    path
    for path in filter(None, TRACKED)
    if (ROOT / path).is_file() and b"\0" not in (ROOT / path).read_bytes()
]
GUIDES = [path for path in TEXTS if re.match(r"docs/[a-z-]+\.md$", path)]
GENERATED_DOCUMENTS = {"docs/compliance.md"}
# Written in pieces, so that this file does not name what it looks for.
FOREIGN = [
    "py" + "pi.org",
    "python" + "hosted",
    "npm" + "js.",
    "deb.debian" + ".org",
    "/ro" + "ot/",
    "/wo" + "rk/",
    "/tmp/" + "epcs",
]


def read(path):
    return (ROOT / path).read_text()


def test_the_document_of_settings_names_every_setting():
    table = read("docs/settings.md")

    missing = {name for name in SETTINGS if f"`{name}`" not in table}

    assert len(SETTINGS) > 20
    assert not missing


def test_the_document_of_settings_names_no_setting_that_nothing_reads():
    named = re.findall(r"^\| `([A-Z0-9_]+)` \|", read("docs/settings.md"), re.M)

    assert named
    assert not {name for name in named if f'"{name}"' not in read_all_of("epcs_portal")}


def test_the_example_environment_sets_only_what_the_document_explains():
    names = re.findall(r"^([A-Z_]+)=", read(".env.example"), re.M)

    assert "SECRET_KEY" in names
    assert not {name for name in names if f"`{name}`" not in read("docs/settings.md")}


def test_the_lock_pins_everything_by_hash_and_names_no_address():
    lock = read("requirements.lock")
    requirements = re.findall(r"^[a-z].*$", lock, re.M)

    assert "://" not in lock
    assert all("==" in line and line.endswith("\\") for line in requirements)


def test_the_lock_holds_every_dependency():
    project = tomllib.loads(read("pyproject.toml"))
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    names = {re.match(r"[\w.-]+", item)[0].lower() for item in wanted}

    locked = set(
        re.findall(r"^([\w.-]+)(?:\[.*?\])?==", read("requirements.lock"), re.M)
    )

    assert names <= locked


@pytest.mark.parametrize("target", ["demo", "test", "check", "setup", "lock"])
def test_make_knows_the_target(target):
    subprocess.run(
        ["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True
    )


@pytest.mark.parametrize("word", FOREIGN)
def test_no_file_names_a_registry_or_a_machine_path(word):
    assert len(TEXTS) > 50
    assert [path for path in TEXTS if word in read(path)] == []


def test_every_decision_fits_a_screen_and_says_why():
    decisions = sorted((ROOT / "docs" / "adr").glob("*.md"))

    assert len(decisions) >= 7
    for decision in decisions:
        text = decision.read_text()
        assert len(text.splitlines()) < 40
        for heading in ("## Context", "## Decision", "## Consequences"):
            assert heading in text


def test_every_link_between_documents_leads_somewhere():
    for document in filter(lambda path: path.endswith(".md"), TRACKED):
        folder = (ROOT / document).parent
        for target in re.findall(r"\]\((?!http|#)([^)#]+)", read(document)):
            assert (folder / target).exists(), f"{document}: {target}"


def test_documents_wrap_at_100_columns(subtests):
    documents = [path for path in TEXTS if re.match(r"(docs/.*|[A-Z]+)\.md$", path)]

    for document in set(documents) - GENERATED_DOCUMENTS:
        with subtests.test(document):
            lines = read(document).splitlines()
            assert not [
                line for line in lines if len(line) > 100 and line[0] not in "|<"
            ]


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", *GUIDES])
def test_every_path_that_a_document_names_exists(document):
    """Paths from the root; a placeholder such as templates/<app>/ is none."""
    apps = "audit|docs|epcs_portal|foundation|mfa|prescriptions|providers|sandbox|tests"
    paths = re.findall(rf"`((?:{apps})/[\w./-]*)`", read(document))

    assert not [path for path in paths if not (ROOT / path).exists()]


def read_all_of(folder):
    return "".join(path.read_text() for path in (ROOT / folder).rglob("*.py"))
