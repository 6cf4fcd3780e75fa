"""The version of the portal and how it compares with a required one."""

import re
import tomllib
from functools import cache

from django.conf import settings

VERSION = re.compile(r"[0-9]{1,5}(\.[0-9]{1,5}){0,3}")


@cache
def software_version() -> str:
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())
    return project["project"]["version"]


def is_version(text: str) -> bool:
    return VERSION.fullmatch(text) is not None


def is_at_least(version: str) -> bool:
    """Return True if this is that version or a later one."""
    return _parts(software_version()) >= _parts(version)


def _parts(version: str) -> list[int]:
    match = VERSION.match(version)
    parts = [int(part) for part in match[0].split(".")] if match else []
    while parts and parts[-1] == 0:
        parts.pop()
    return parts
