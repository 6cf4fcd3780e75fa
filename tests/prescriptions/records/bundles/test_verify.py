"""The program in a bundle needs nothing of ours, and finds one flipped byte."""

import importlib.util
import json
import os
import shutil
import subprocess
import venv
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import checkpoints
from audit.models import Event
from prescriptions.models import SigningKey
from prescriptions.records.bundles import verify, writer
from prescriptions.records.bundles.contents import Scope
from prescriptions.script import fields
from tests.prescriptions.factories import make_ready, sign
from tests.prescriptions.records.bundles.tampering import (
    every_file,
    flip,
    problems,
)

pytestmark = pytest.mark.django_db

NEEDED = ["cryptography", "cffi", "pycparser", "_cffi_backend"]


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory):
    """A Python with `cryptography` and what that needs, and no other package."""
    home = tmp_path_factory.mktemp("elsewhere")
    venv.create(home / "venv", symlinks=True, with_pip=False)
    [packages] = (home / "venv").glob("lib/python*/site-packages")
    for name in NEEDED:
        if spec := importlib.util.find_spec(name):
            origin = Path(spec.origin)
            place = origin.parent if origin.name == "__init__.py" else origin
            (packages / place.name).symlink_to(place)
    return home / "venv" / "bin" / "python"


def run(python, *arguments, cwd):
    """Run as somebody who has none of our environment."""
    bare = {"PATH": os.defpath, "LANG": "C.UTF-8"}
    return subprocess.run(
        [python, "-I", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=bare,
        cwd=cwd,
    )


@pytest.mark.cfr("1311.305(e)")
@pytest.mark.cfr("1311.305(f)")
def test_a_bundle_verifies_with_python_and_cryptography_alone(
    folder, zipped, elsewhere, tmp_path
):
    nothing_of_ours = "import django, rfc8785, joserfc, lxml, prescriptions"
    assert run(elsewhere, "-c", nothing_of_ours, cwd=tmp_path).returncode == 1

    in_place = run(elsewhere, folder / "verify.py", cwd="/")
    of_zip = run(elsewhere, folder / "verify.py", zipped, cwd="/")

    for found in (in_place, of_zip):
        assert (found.returncode, found.stderr) == (0, "")
        assert found.stdout.startswith("VERIFIED: 2 prescriptions, ")
        assert SigningKey.objects.get().kid in found.stdout


def test_it_leaves_a_flipped_byte_with_status_1_there_too(folder, elsewhere):
    payload = next(folder.glob("records/*/payload.json"))
    flip(payload, at=100)

    found = run(elsewhere, folder / "verify.py", cwd="/")

    assert found.returncode == 1
    assert f"BAD records/{payload.parent.name}/payload.json" in found.stdout


@pytest.mark.slow
@pytest.mark.cfr("1311.305(f)")
def test_one_flipped_byte_anywhere_is_named(folder):
    files = every_file(folder)
    assert len(files) == 17
    assert problems(folder) == []
    for path in files:
        if path.stat().st_size:
            flips_of(path, folder)
    assert problems(folder) == []


def flips_of(path, folder):
    """Flip bits at chosen places of a file, and at both of its ends."""
    name, good = path.relative_to(folder).as_posix(), path.read_bytes()

    @settings(max_examples=25, deadline=None, database=None)
    @given(at=st.integers(0, len(good) - 1), bit=st.integers(0, 7))
    def one_byte(at, bit):
        try:
            flip(path, at=at, bit=bit)
            found = problems(folder)
        finally:
            path.write_bytes(good)
        assert found
        assert found[0].startswith(f"{name}: "), (at, bit, found)

    one_byte()
    for at in (0, len(good) - 1):
        for bit in range(8):
            one_byte.hypothesis.inner_test(at=at, bit=bit)


@pytest.mark.slow
@pytest.mark.cfr("1311.305(f)")
def test_one_flipped_byte_anywhere_in_a_zip_file_is_found(zipped):
    good = zipped.read_bytes()

    @settings(max_examples=400, deadline=None, database=None)
    @given(at=st.integers(0, len(good) - 1), bit=st.integers(0, 7))
    def one_byte(at, bit):
        try:
            flip(zipped, at=at, bit=bit)
            found = problems(zipped)
        finally:
            zipped.write_bytes(good)
        assert found, (at, bit)

    one_byte()
    for at in range(1, 60):  # the end of its list of files, and its seal
        one_byte.hypothesis.inner_test(at=len(good) - at, bit=0)
    assert problems(zipped) == []


def test_a_flipped_byte_of_a_file_in_a_zip_file_names_that_file(zipped):
    name = next(
        name for name in zipfile.ZipFile(zipped).namelist() if name.endswith(".xml")
    )
    with zipfile.ZipFile(zipped) as archive:
        start = archive.getinfo(name).header_offset + 30 + len(name)
    flip(zipped, at=start + 40)

    assert problems(zipped)[0].startswith(f"{name}: ")


@pytest.mark.parametrize("left", [0, 1, -1, -2])
def test_a_file_cut_short_is_named(folder, left):
    for path in every_file(folder):
        good = path.read_bytes()
        if len(good) < 2:
            continue
        path.write_bytes(good[:left] if left else b"")
        found = problems(folder)
        path.write_bytes(good)

        assert found[0].startswith(f"{path.relative_to(folder).as_posix()}: ")


@pytest.mark.parametrize(
    "name", ["payload.json", "signature.jws", "message.xml", "events.jsonl"]
)
def test_two_files_that_changed_places_are_named(folder, name):
    first, second = sorted(folder.glob(f"records/*/{name}"))
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)

    found = problems(folder)

    assert {text.partition(":")[0] for text in found} >= {
        path.relative_to(folder).as_posix() for path in (first, second)
    }


@pytest.mark.parametrize(
    "added",
    ["extra.txt", "records/x/payload.json", "records/empty/", ".hidden", "logs/1.json"],
)
def test_a_file_that_was_added_is_named(folder, added):
    path = folder / added
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir() if added.endswith("/") else path.write_text("x")

    assert f"{added}: does not belong here" in problems(folder)


def test_a_link_in_place_of_a_file_is_named(folder):
    (folder / "README.txt").unlink()
    (folder / "README.txt").symlink_to(folder / "verify.py")

    assert problems(folder) == ["README.txt: a link, and not a file"]


def test_each_file_that_was_removed_is_named(folder):
    for path in every_file(folder):
        good = path.read_bytes()
        path.unlink()
        found = problems(folder)
        path.write_bytes(good)

        assert found[0].startswith(f"{path.relative_to(folder).as_posix()}: is missing")


def test_a_prescription_that_was_removed_with_its_lines_is_missed(folder):
    record = next(folder.glob("records/*"))
    shutil.rmtree(record)
    manifest = folder / verify.MANIFEST
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(one for one in lines if record.name not in one))

    assert problems(folder) == ["MANIFEST.txt: is not as it was sealed"]


@pytest.mark.parametrize("name", [verify.SEAL, verify.KEYS])
def test_a_small_file_that_never_ends_is_not_read_into_memory(zipped, name):
    with zipfile.ZipFile(zipped) as good:
        files = {one: good.read(one) for one in good.namelist()}
    files[name] = b" " * (verify.LARGEST + 1)
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as bomb:
        for one, data in files.items():
            bomb.writestr(one, data)

    assert problems(zipped) == [f"{name}: is larger than any such file"]


@pytest.mark.cfr("1311.305(f)")
@pytest.mark.parametrize("version", ["2017071", "2023011"])
def test_every_element_that_carries_a_field_is_compared(version, signed):
    record = json.loads(signed[0].payload)
    product = "Product/" if version == "2023011" else ""
    compared = {path for path, _ in verify._expected_elements(record, product)}

    carried = {
        f"Body/NewRx/{fields.path_of(field, version=fields.VERSIONS[version])}"
        for field in fields.CARRIED
    }

    assert carried <= compared


@pytest.mark.parametrize("version", ["2017071", "2023011"])
def test_messages_of_both_versions_verify(
    alice, sam, phone, tmp_path, version, settings
):
    settings.SCRIPT_VERSION = version
    sign(make_ready(alice.provider, by=sam), phone)

    writer.write(tmp_path / "bundle", scope=Scope())

    assert problems(tmp_path / "bundle") == []


@pytest.mark.cfr("1304.06(a)")
@pytest.mark.cfr("1311.305(d)")
def test_the_whole_trail_and_its_checkpoints_are_in_it(signed, tmp_path):
    checkpoints.make()

    writer.write(tmp_path / "bundle", scope=Scope())

    report = verify.check(tmp_path / "bundle")
    # Writing it adds no event, so that these are all.
    assert report.events == Event.objects.count()
    assert (tmp_path / "bundle" / "audit" / "checkpoints.jsonl").read_text()


@pytest.mark.parametrize("path", ["nowhere", "file.zip"])
def test_what_is_no_bundle_is_said_to_be_none(tmp_path, path, capsys):
    (tmp_path / "file.zip").write_bytes(b"PK no zip file")

    assert verify.main([str(tmp_path / path)]) == 1
    assert f"BAD {path}: neither a folder nor a zip file" in capsys.readouterr().out
