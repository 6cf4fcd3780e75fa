"""What the identity provider sends for a level of assurance, from the environment."""

from django.core.exceptions import ImproperlyConfigured


def parse(text: str, *, name: str) -> dict[str, int]:
    """Return `value=2,other=3` as a dictionary; a level is 0 to 3."""
    levels = {}
    for entry in filter(None, text.split(",")):
        value, _, level = entry.strip().rpartition("=")
        if not value or level not in {"0", "1", "2", "3"}:
            raise ImproperlyConfigured(f"{name}: {entry!r} is not value=0 to value=3.")
        levels[value] = int(level)
    return levels
