"""What the value of an environment variable may be, and how it is read."""

import base64
import binascii
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

KEY_LENGTH = 32  # bytes: AES-256, HMAC-SHA-256

# Reads NAME, or the file that NAME_FILE names.
ENV = environ.FileAwareEnv()
REQUIRED = ENV.NOTSET


@dataclass(frozen=True)
class ValueType:
    """`read` takes a variable's name and its default; `words` complete “NAME is not …”."""

    words: str
    read: Callable[..., Any]


def parse_key_ring(ring: str, *, name: str) -> list[tuple[str, bytes]]:
    """Return the (key id, key) pairs of `id:base64,id:base64`, the current key first."""
    keys = [_parse_key(item, name=name) for item in ring.split(",") if item.strip()]
    if not keys:
        raise ImproperlyConfigured(f"{name} holds no key. Write it as id:base64.")
    if len({key_id for key_id, _ in keys}) < len(keys):
        raise ImproperlyConfigured(f"{name} names one key id twice.")
    if len({key for _, key in keys}) < len(keys):
        raise ImproperlyConfigured(f"{name} holds one key under two ids.")
    return keys


def _parse_key(item: str, *, name: str) -> tuple[str, bytes]:
    key_id, _, encoded = item.strip().partition(":")
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        key = b""
    if not key_id.isalnum() or len(key) != KEY_LENGTH:
        # The text in the id's place may be the key, so the message quotes none of it.
        raise ImproperlyConfigured(
            f"{name}: write every key as id:base64, with {KEY_LENGTH} bytes of key."
        )
    return key_id, key


def parse_levels(text: str, *, name: str) -> dict[str, int]:
    """Return the assurance levels of `value=2,other=3`; a level is 0 to 3."""
    levels = {}
    for entry in filter(None, text.split(",")):
        value, _, level = entry.strip().rpartition("=")
        if not value or level not in {"0", "1", "2", "3"}:
            raise ImproperlyConfigured(f"{name}: {entry!r} is not value=0 to value=3.")
        levels[value] = int(level)
    return levels


def _read_key_ring(name: str, *, default: str) -> list[tuple[str, bytes]]:
    return parse_key_ring(ENV.str(name, default=default), name=name)


def _read_levels(name: str, *, default: str) -> dict[str, int]:
    return parse_levels(ENV.str(name, default=default), name=name)


def _read_replacements(name: str, *, default: dict[str, str]) -> dict[str, str]:
    return default | ENV.dict(name, default={})


def _read_origin(name: str, *, default: str) -> str:
    return ENV.str(name, default=default).rstrip("/")


def _read_folder(name: str, *, default: str) -> Path:
    return Path(ENV.str(name, default=default))


def _read_as_it_is(name: str, *, default: str) -> str:
    return os.environ.get(name, default)


TEXT = ValueType("text", ENV.str)
FLAG = ValueType("0 or 1", ENV.bool)
WHOLE_NUMBER = ValueType("a whole number", ENV.int)
SECONDS = ValueType("a number of seconds", ENV.float)
LIST = ValueType("a list separated by commas", ENV.list)
PAIRS = ValueType("a list like name=value,name=value", ENV.dict)
# Each pair replaces one of the default.
REPLACEMENTS = ValueType(PAIRS.words, _read_replacements)
LEVELS = ValueType("a list like value=2,value=3", _read_levels)
KEY_RING = ValueType("a list like id:base64,id:base64", _read_key_ring)
ORIGIN = ValueType("an origin like https://portal.example", _read_origin)
FOLDER = ValueType("the path of a folder", _read_folder)
# NAME_FILE does not apply: the secret's own module reads the file, and can clear it.
SECRET_AS_IT_IS = ValueType("text", _read_as_it_is)
DATABASE_ADDRESS = ValueType("the address of a database", ENV.db_url)
MAIL_ADDRESS = ValueType("the address of a mail server", ENV.email_url)
