"""Why somebody has not shown who they are; each message says what to do next."""

from datetime import datetime

from django.utils import timezone


class NotProven(Exception):
    """The two factors were not shown; the message says what to do next."""


class PasswordRefused(NotProven):
    """The password is wrong; the code was not looked at and can still be used."""


class CodeRefused(NotProven):
    """The password was right and the code was not; counted."""


class Locked(NotProven):
    """Too many failures; nothing was looked at or counted."""

    def __init__(self, until: datetime):
        self.until = until
        seconds = max(1, round((until - timezone.now()).total_seconds()))
        super().__init__(
            f"Locked for another {duration(seconds)}, until {until:%H:%M:%S} UTC, "
            "after too many failed attempts. Trying earlier neither counts nor "
            "makes it longer."
        )


class DeviceNotUsable(NotProven):
    """The device is not this user's, or is unconfirmed, removed or disabled."""


class NotRedeemable(NotProven):
    """What was proven is not, or no longer, good for this act."""


def duration(seconds: int) -> str:
    """Return a number of seconds as a person says it."""
    if seconds < 120:
        return f"{seconds} seconds"
    return f"{round(seconds / 60)} minutes"
