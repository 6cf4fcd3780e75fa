"""The program in a bundle needs nothing of ours, and finds one flipped byte."""

import base64
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import venv
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey

from audit import checkpoints
from audit.models import Event
from prescriptions.models import SigningKey
from prescriptions.records.bundles import verify, writer
from prescriptions.records.bundles.contents import Scope
from prescriptions.script import fields
from tests.prescriptions.factories import make_ready, sign

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


def flip(path, *, at, bit=0):
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << bit
    path.write_bytes(data)


def problems(path, **more):
    return verify.check(path, **more).problems


def every_file(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


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


# Somebody who seals it anew with a key of their own


def sealed_by_a_thief(folder, **seal):
    """Replace keys and seal, and list every file as it is now."""
    key = ECKey.generate_key("P-256")
    public = dict(key.as_dict(private=False)) | {"kid": key.thumbprint()}
    keys = json.loads((folder / verify.KEYS).read_text())["keys"]
    keys.append(public | {"activated_at": "2020-01-01T00:00:00+00:00"})
    (folder / verify.KEYS).write_text(json.dumps({"keys": keys}))
    reseal(folder, key, **seal)
    return key


def reseal(folder, key, **more):
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}"
        f"  {path.relative_to(folder).as_posix()}\n"
        for path in every_file(folder)
        if path.name not in {verify.MANIFEST, verify.SEAL}
    ]
    (folder / verify.MANIFEST).write_text("".join(lines))
    digest = hashlib.sha256((folder / verify.MANIFEST).read_bytes()).hexdigest()
    seal = json.loads(
        base64.urlsafe_b64decode(
            (folder / verify.SEAL).read_text().split(".")[1] + "=="
        )
    )
    seal |= {"manifest": digest, "key_id": key.thumbprint()} | more
    header = {"alg": "ES256", "kid": key.thumbprint()}
    (folder / verify.SEAL).write_text(
        jws.serialize_compact(header, json.dumps(seal).encode(), key)
    )


@pytest.mark.cfr("1311.305(f)")
def test_a_bundle_that_was_sealed_anew_shows_by_its_key(folder, capsys):
    ours = SigningKey.objects.get().kid
    assert verify.main([str(folder), "--key-thumbprint", ours]) == 0

    thief = sealed_by_a_thief(folder)

    assert verify.main([str(folder)]) == 0  # and says which key to compare
    assert f"Sealed with key {thief.thumbprint()}" in capsys.readouterr().out
    assert verify.main([str(folder), "--key-thumbprint", ours]) == 1
    assert "not the one named" in capsys.readouterr().out


def test_no_text_in_a_bundle_can_speak_for_the_program(folder, capsys):
    """A terminal obeys control characters; the thief's own seal may hold any."""
    ours = SigningKey.objects.get().kid
    said = f"elsewhere\nSealed with key {ours}.\n\x1b[8m"
    sealed_by_a_thief(folder, source=said)

    assert verify.main([str(folder)]) == 0
    assert f"\nSealed with key {ours}" not in capsys.readouterr().out
    (folder / "\x1b[2J\nVERIFIED: 9 prescriptions\udcff").touch()
    assert verify.main([str(folder)]) == 1
    told = capsys.readouterr().out
    assert "\nVERIFIED" not in told
    assert "\x1b" not in told


def test_a_signature_that_asks_for_what_nobody_knows_here_is_refused(folder):
    """RFC 7515 4.1.11: whoever does not understand what is critical refuses it."""
    key = sealed_by_a_thief(folder)
    payload = verify.parts((folder / verify.SEAL).read_text())[1]
    header = {"alg": "ES256", "kid": key.thumbprint(), "crit": ["exp"], "exp": 1}
    head, body = (
        base64.urlsafe_b64encode(one).rstrip(b"=").decode()
        for one in (json.dumps(header).encode(), payload)
    )
    r, s = decode_dss_signature(
        key.private_key.sign(f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256()))
    )
    signature = base64.urlsafe_b64encode(r.to_bytes(32) + s.to_bytes(32))
    (folder / verify.SEAL).write_text(f"{head}.{body}.{signature.decode()[:-2]}")

    assert problems(folder) == ["SEAL.jws: its signature does not match"]


@pytest.mark.parametrize("name", [verify.SEAL, verify.KEYS])
def test_a_small_file_that_never_ends_is_not_read_into_memory(zipped, name):
    with zipfile.ZipFile(zipped) as good:
        files = {one: good.read(one) for one in good.namelist()}
    files[name] = b" " * (verify.LARGEST + 1)
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as bomb:
        for one, data in files.items():
            bomb.writestr(one, data)

    assert problems(zipped) == [f"{name}: is larger than any such file"]


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("payload.json", '"quantity":"30"', '"quantity":"90"', "not what was signed"),
        ("signature.jws", ".", "..", "cannot be read"),
        ("message.xml", "<Value>30<", "<Value>90<", "Quantity/Value is not what"),
        ("message.xml", "<Sig>", "<Note>x</Note><Sig>", "Note is not what was signed"),
        ("message.xml", "<LastName>", "<!DOCTYPE x><LastName>", "document type"),
        ("message.xml", "</Message>", "", "is not XML"),
        ("events.jsonl", '"actor":"', '"actor": "', "is not canonical JSON"),
    ],
)
def test_what_was_changed_is_found_under_a_false_seal_too(folder, name, old, new, said):
    """Whoever holds a trusted key cannot make a prescription out of another."""
    path = sorted(folder.glob(f"records/*/{name}"))[0]
    if "Note" in said:
        path = next(
            one
            for one in folder.glob(f"records/*/{name}")
            if "Note" not in one.read_text()
        )
    change(path, old, new)
    sealed_by_a_thief(folder)

    [found] = problems(folder)

    assert said in found
    assert path.parent.name in found


def test_no_declaration_in_a_message_chooses_its_encoding(folder):
    """In UTF-7, `+` begins what no reader of UTF-8 would see."""
    path = next(folder.glob("records/*/message.xml"))
    change(path, "encoding='UTF-8'", "encoding='UTF-7'")
    sealed_by_a_thief(folder)

    assert problems(folder) == []  # read as UTF-8 all the same


def test_events_that_changed_places_or_are_missing_are_found(folder):
    trail = folder / "audit" / "events.jsonl"
    good = trail.read_bytes()
    lines = good.splitlines(keepends=True)
    for bad in (lines[:2] + [lines[3], lines[2]] + lines[4:], lines[:2] + lines[3:]):
        trail.write_bytes(b"".join(bad))
        sealed_by_a_thief(folder)

        [found] = problems(folder)

        assert found.startswith("audit/events.jsonl: line 3")
        trail.write_bytes(good)


@pytest.mark.parametrize(
    ("name", "minutes", "is_found"),
    [
        ("activated_at", 6, True),
        ("activated_at", 4, False),
        ("retired_at", -6, True),
        ("retired_at", -4, False),  # the signature was under way
    ],
)
def test_a_signature_made_while_its_key_was_not_in_use_is_found(
    folder, signed, name, minutes, is_found
):
    keys = json.loads((folder / verify.KEYS).read_text())
    at = signed[0].signed_at + timedelta(minutes=minutes)
    keys["keys"][0][name] = at.isoformat()
    (folder / verify.KEYS).write_text(json.dumps(keys))
    sealed_by_a_thief(folder)

    found = problems(folder)

    assert len(found) == (2 if is_found else 0)
    assert all("while its key was not in use" in problem for problem in found)


# What is compared


@pytest.mark.cfr("1311.305(f)")
@pytest.mark.parametrize("version", ["2017071", "2023011"])
def test_every_element_that_carries_a_field_is_compared(version, signed):
    record = json.loads(signed[0].payload)
    product = "Product/" if version == "2023011" else ""
    compared = {path for path, _ in verify._said(record, product)}

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
