"""What stands between somebody and an act, in words they can act on."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Blocker:
    """Why something cannot be signed yet, and what to do about it."""

    label: str
    remedy: str
    url_name: str = ""
