"""A bundle that somebody sealed anew with a key of their own."""

import base64
import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from prescriptions.models import SigningKey
from prescriptions.records.bundles import verify
from tests.prescriptions.records.bundles.tampering import (
    problems,
    sealed_by_a_thief,
)

pytestmark = pytest.mark.django_db


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
