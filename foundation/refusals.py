"""Refusals that people read; the message says what to do next."""


class Refused(Exception):
    """An act was refused and nothing was changed; the message is fit to show.

    `reason` is the code to record, where the message itself is not recorded.
    """

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        self.reason = reason
        super().__init__(message)


def duration(seconds: int) -> str:
    """Return a number of seconds in words: seconds below two minutes, else minutes."""
    if seconds < 120:
        return f"{seconds} seconds"
    return f"{round(seconds / 60)} minutes"
