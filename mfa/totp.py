"""Time-based one-time codes: RFC 6238, SHA-1, 6 digits, 30 seconds.

No clock and no database. Codes are compared as text, so leading zeros count.
"""

import base64
import hmac
import re
from collections.abc import Iterable

import pyotp

PERIOD = 30  # seconds
DIGITS = 6
WINDOW = 1  # steps either side of the server's clock
MAX_OFFSET = 2  # steps; a phone whose clock is further off must be corrected
DIAGNOSIS_WINDOW = 10  # steps compared to tell how far off a clock is

_CODE = re.compile(r"[0-9]{6}", re.ASCII)


def is_well_formed(code: object) -> bool:
    """Return True if `code` is six ASCII digits and nothing else."""
    return isinstance(code, str) and _CODE.fullmatch(code) is not None


def step_at(timestamp: float) -> int:
    """Return the 30-second step that a Unix time in seconds falls in; T0 is 0."""
    return int(timestamp // PERIOD)


def code_at(seed: bytes, step: int) -> str:
    """Return the code of one step (RFC 4226 5.3)."""
    return pyotp.HOTP(to_base32(seed), digits=DIGITS).at(step)


def acceptable_steps(step: int, *, offset: int = 0) -> list[int]:
    """Return the steps accepted now from a phone whose clock is `offset` steps off.

    The step of the server's clock is always accepted, so that a phone that
    was corrected is never locked out; a step further off than MAX_OFFSET never is (RFC 6238 6).
    """
    window = range(-WINDOW, WINDOW + 1)
    deltas = {*window, *(offset + delta for delta in window)}
    return sorted(
        step + delta
        for delta in deltas
        if abs(delta) <= MAX_OFFSET and step + delta >= 0
    )


def matching_step(seed: bytes, code: str, *, steps: Iterable[int]) -> int | None:
    """Return the latest of `steps` that has this code; all are always compared."""
    matched = None
    for step in steps:
        if hmac.compare_digest(code_at(seed, step), code):
            matched = step
    return matched


def from_base32(text: str) -> bytes:
    """Return the seed; raise ValueError unless it is base32 of at least 128 bits."""
    seed = pyotp.HOTP(text.replace(" ", "").upper()).byte_secret()
    if len(seed) < 16:  # RFC 4226 4, R6
        raise ValueError("The seed is shorter than 128 bits.")
    return seed


def to_base32(seed: bytes) -> str:
    return base64.b32encode(seed).decode().rstrip("=")
