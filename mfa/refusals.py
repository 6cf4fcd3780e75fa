"""Why a person is not proven; each message says what to do next."""

from datetime import datetime

from django.utils import timezone

from audit.reasons import Reason, ReasonChoices
from foundation.refusals import Refused, duration


class NotProven(Refused):
    """The two factors were not shown; the message says what to do next."""

    reason: ReasonChoices | None


class PasswordRefused(NotProven):
    """The password is wrong; the code was not verified and still works."""


class CodeRefused(NotProven):
    """The code was wrong, or missing; a wrong one is counted as a failure."""


class Locked(NotProven):
    """Too many failures; nothing was counted, and no result was told."""

    def __init__(self, until: datetime) -> None:
        self.until = until
        seconds = max(1, round((until - timezone.now()).total_seconds()))
        super().__init__(
            f"Locked for another {duration(seconds)}, until {until:%H:%M:%S} UTC, "
            "after too many failed attempts. Trying earlier neither counts nor "
            "makes it longer.",
            reason=Reason.LOCKED,
        )


class DeviceNotUsable(NotProven):
    """The device is not this user's, or is unconfirmed, removed or disabled."""


class NotRedeemable(NotProven):
    """The challenge is not, or no longer, valid for this act."""
