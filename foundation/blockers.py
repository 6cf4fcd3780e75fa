"""Why an act is blocked, in words that a person can act on."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Blocker:
    """Why something cannot be signed yet, and what to do about it."""

    label: str
    remedy: str
    url_name: str = ""
