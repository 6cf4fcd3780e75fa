"""What a demonstration keeps in its folder: made once, used again at every start."""

import base64
import fcntl
import json
import os
import secrets
import uuid
from pathlib import Path
from typing import IO

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

SEED_LENGTH = 20  # bytes; RFC 4226 4, R6
KEY_LENGTH = 32  # bytes


class InUse(Exception):
    """Another demonstration runs on this folder."""


def lock(folder: Path) -> IO:
    """Hold the folder for as long as the returned file is open; raise InUse."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    holder = (folder / "lock").open("w")
    try:
        fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InUse(f"Another demo already runs on {folder}.") from None
    return holder


def secrets_of(folder: Path) -> dict[str, str]:
    """Return the keys and passwords that the servers are given, by name."""
    path = folder / "env"
    lines = path.read_text().splitlines() if path.exists() else []
    kept = dict(line.split("=", 1) for line in lines)
    known = _new_secrets() | kept
    if known != kept:  # a folder of an earlier release lacks what is new
        _write(path, "".join(f"{name}={one}\n" for name, one in known.items()).encode())
    return known


def world_of(folder: Path) -> dict:
    """Return the people of the demonstration, as both sides are told of them."""
    path = folder / "world.json"
    if not path.exists():
        _write(path, json.dumps(_new_world(), indent=2).encode())
    return json.loads(path.read_text())


def userinfo_key_of(folder: Path) -> Path:
    """Return the file of the RSA key for which ID.me encrypts what it tells."""
    path = folder / "userinfo-key.pem"
    if not path.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        _write(path, pem)
    return path


def _new_secrets() -> dict[str, str]:
    return {
        "PORTAL_SECRET_KEY": secrets.token_urlsafe(50),
        "IDME_SECRET_KEY": secrets.token_urlsafe(50),
        "PHARMACY_SECRET_KEY": secrets.token_urlsafe(50),
        "FIELD_KEYS": f"f1:{_base64_key()}",
        "AUDIT_KEYS": f"a1:{_base64_key()}",
        "SIGNING_KEY_PASSPHRASE": secrets.token_urlsafe(24),
        "IDME_CLIENT_SECRET": secrets.token_urlsafe(24),
        "SCRIPT_NETWORK_TOKEN": secrets.token_urlsafe(24),
        "SCRIPT_INBOUND_TOKEN": secrets.token_urlsafe(24),
    }


def _base64_key() -> str:
    return base64.b64encode(secrets.token_bytes(KEY_LENGTH)).decode()


def _new_world() -> dict:
    password = "-".join(["demo", *(secrets.token_hex(2) for _ in range(3))])
    people = [
        _person(
            ("ready", "Riley", "Ready"),
            password,
            devices=[
                _code_generator("MyiPhone"),
                _code_generator("OfficeiPad"),
                _push("RileyPush"),
            ],
        ),
        _person(("new", "Nora", "New"), password, devices=[]),
        _person(
            ("admin", "Alex", "Admin"), password, devices=[_code_generator("AlexPhone")]
        ),
        _person(
            ("west", "Wren", "West"),
            password,
            devices=[_code_generator("WrenPhone"), _code_generator("WrenTablet")],
        ),
    ]
    return {"password": password, "idme": {"accounts": people}}


def _person(who: tuple[str, str, str], password: str, *, devices: list) -> dict:
    key, first, last = who
    return {
        "key": key,
        "subject": str(uuid.uuid4()),
        "email": f"{first}.{last}@demo.example".lower(),
        "password": password,
        "first_name": first,
        "last_name": last,
        "refresh_token": secrets.token_urlsafe(32),
        "devices": devices,
    }


def _code_generator(name: str) -> dict:
    return {
        "id": str(uuid.uuid4()),
        "type": "code_generator",
        "name": name,
        "secret": base64.b32encode(secrets.token_bytes(SEED_LENGTH)).decode(),
    }


def _push(name: str) -> dict:
    return {"id": str(uuid.uuid4()), "type": "push", "name": name}


def _write(path: Path, content: bytes) -> None:
    """Write all of a private file or none of it, also when interrupted."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    unfinished.replace(path)
