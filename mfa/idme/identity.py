"""The identity that ID.me asserts, and whether it is proofed well enough."""

import re
from dataclasses import dataclass

from audit.reasons import Reason
from mfa.oidc.provider_settings import idme_settings
from mfa.oidc.responses import SignIn

REQUIRED_LEVEL = 2  # IAL2 and AAL2; 21 CFR 1311.105(a)(1)


@dataclass(frozen=True)
class Identity:
    """The claims about a person that the portal stores."""

    subject: str
    email: str
    first_name: str
    last_name: str
    ial: int | None
    aal: int | None

    @classmethod
    def of(cls, sign_in: SignIn) -> "Identity":
        """Return the identity in a sign-in's userinfo, under the configured claims."""
        claims, names = sign_in.userinfo.claims, idme_settings().claims
        return cls(
            subject=sign_in.subject,
            email=_text(claims, names["email"], length=254),
            first_name=_text(claims, names["first_name"], "given_name", length=150),
            last_name=_text(claims, names["last_name"], "family_name", length=150),
            ial=_level(claims.get(names["ial"]), values=idme_settings().ial_values),
            aal=_level(claims.get(names["aal"]), values=idme_settings().aal_values),
        )

    def refusal(self) -> Reason | None:
        """Return why this identity is not proofed well enough, or None."""
        if self.ial is None or self.aal is None:
            return Reason.LEVEL_UNKNOWN
        return (
            Reason.LEVEL_TOO_LOW if min(self.ial, self.aal) < REQUIRED_LEVEL else None
        )


def _level(value: object, *, values: dict[str, int]) -> int | None:
    """Return an assurance level: given as 2 or "2", or as a key of `values`."""
    if isinstance(value, str) and value in values:
        return values[value]
    if type(value) is int and 0 <= value <= 9:
        return value
    if isinstance(value, str) and re.fullmatch("[0-9]", value, re.ASCII):
        return int(value)
    return None


def _text(claims: dict, *names: str, length: int) -> str:
    """Return the first of these claims that is a text, printable and cut to length."""
    for name in names:
        value = claims.get(name)
        if isinstance(value, str) and value.strip():
            return "".join(filter(str.isprintable, value)).strip()[:length]
    return ""
