"""Which version of the portal this is, and whether it is new enough."""

import re
import tomllib
from functools import cache

from django.conf import settings

WRITTEN = re.compile(r"[0-9]{1,5}(\.[0-9]{1,5}){0,3}")


@cache
def software_version() -> str:
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())
    return project["project"]["version"]


def is_version(text: str) -> bool:
    return WRITTEN.fullmatch(text) is not None


def is_at_least(version: str) -> bool:
    """Say whether this is that version or a later one."""
    return _parts(software_version()) >= _parts(version)


def _parts(version: str) -> list[int]:
    written = WRITTEN.match(version)
    parts = [int(part) for part in written[0].split(".")] if written else []
    while parts and parts[-1] == 0:
        parts.pop()
    return parts
