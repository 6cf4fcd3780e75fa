"""Refusals that people read: one family, of which each member is what was refused.

Whoever shows one shows its message. One that nobody shows is answered with its status
and a page of its own.
"""

from collections.abc import Sequence
from http import HTTPStatus

from foundation.blockers import Blocker


class Refused(Exception):
    """An act was refused and nothing was changed; the message is fit to show.

    `reason` is the code to record, where the message itself is not recorded.
    """

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    blockers: Sequence[Blocker] = ()  # recorded instead of a reason
    act: str = ""  # recorded instead of the act that the verb names

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        self.reason = reason
        super().__init__(message)


class NotPermitted(Refused):
    """The person may not do this, whatever the state of things."""

    status = HTTPStatus.FORBIDDEN


class Overtaken(Refused):
    """The state of things does not allow this now; somebody may have been faster."""

    status = HTTPStatus.CONFLICT


def duration(seconds: int) -> str:
    """Return a number of seconds in words: seconds below two minutes, else minutes."""
    if seconds < 120:
        return f"{seconds} seconds"
    return f"{round(seconds / 60)} minutes"
