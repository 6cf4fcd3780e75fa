"""Values from an exchange with ID.me; tokens and claims stay out of every repr."""

import time
from dataclasses import dataclass, field
from enum import StrEnum

from audit.reasons import Reason
from mfa.oidc.errors import IdmeRefused
from mfa.oidc.tokens import LATEST, LEEWAY


@dataclass(frozen=True)
class Tokens:
    """A checked answer of the token endpoint."""

    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    refresh_expires_in: int | None = None  # seconds
    id_token: str = field(default="", repr=False)
    scope: object = None

    @classmethod
    def of(cls, answer: dict) -> "Tokens":
        """Return the tokens of an answer; raise IdmeRefused unless RFC 6749 5.1 holds."""
        if _text(answer, "token_type").lower() != "bearer":
            raise IdmeRefused(Reason.BAD_ANSWER)
        if not _text(answer, "access_token"):
            raise IdmeRefused(Reason.BAD_ANSWER)
        return cls(
            access_token=_text(answer, "access_token"),
            refresh_token=_text(answer, "refresh_token"),
            refresh_expires_in=_lifetime(answer.get("refresh_expires_in")),
            id_token=_text(answer, "id_token"),
            scope=answer.get("scope"),
        )


@dataclass(frozen=True)
class Userinfo:
    """Claims about a person; `is_sealed` if signed and encrypted for the portal."""

    claims: dict = field(repr=False)
    is_sealed: bool


class SignInPurpose(StrEnum):
    """Why somebody is sent to ID.me; kept in the session and in addresses."""

    LINK = "link"
    FRESH = "fresh"  # again, with the account that is linked
    SIGN_IN = "sign_in"  # to the portal
    STEP_UP = "step_up"  # the answer to a challenge


@dataclass(frozen=True)
class SignIn:
    """A finished sign-in at ID.me, and the purpose it was started for."""

    subject: str
    auth_time: float | None
    userinfo: Userinfo
    tokens: Tokens
    purpose: SignInPurpose
    next_path: str
    started_at: float
    id_token: dict = field(default_factory=dict, repr=False)  # its claims, signed

    @property
    def is_fresh(self) -> bool:
        """Return True if ID.me states that the person signed in since this started."""
        return self.auth_time is not None and (
            self.started_at - LEEWAY <= self.auth_time <= time.time() + LEEWAY
        )


def _text(answer: dict, name: str) -> str:
    value = answer.get(name)
    return value if isinstance(value, str) else ""


def _lifetime(value: object) -> int | None:
    return value if type(value) is int and value > 0 else None


def moment(value: object) -> float | None:
    """Return seconds since 1970, or None; JSON lets NaN, infinity and 10^400 in."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= LATEST else None
