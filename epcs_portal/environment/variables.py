"""Reading the declared settings, and finding variables that are nearly one of them."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from epcs_portal.environment.declarations import SETTINGS

FAMILIES = ("IDME_", "SCRIPT_", "SIGNING_")
NOT_OURS = {"SCRIPT_NAME"}  # gunicorn reads it
ALMOST_EQUAL = 0.85  # of 1


def read(name: str) -> Any:
    """Return the value of a declared setting; raise ImproperlyConfigured if unusable."""
    setting = SETTINGS[name]
    try:
        return setting.read()
    except ValueError:
        # The value may be a secret, so the message does not quote it.
        raise ImproperlyConfigured(f"{name} is not {setting.type.words}.") from None


def required_with(choice: str) -> list[str]:
    """Return the settings that another one's value requires, given as NAME=value."""
    return [
        name for name, setting in SETTINGS.items() if setting.required_when == choice
    ]


def misspelled(names: Iterable[str]) -> dict[str, str]:
    """Return {name: closest setting} of those that look like a setting and are not one."""
    known = {*SETTINGS, *(f"{name}_FILE" for name in SETTINGS)}
    closest = {
        name: get_close_matches(name, known, n=1, cutoff=_cutoff(name))
        for name in sorted(set(names) - known - NOT_OURS)
    }
    return {name: matches[0] for name, matches in closest.items() if matches}


def _cutoff(name: str) -> float:
    return 0 if name.startswith(FAMILIES) else ALMOST_EQUAL
