"""Why a change of access was refused; the message says what to do next."""

from audit.reasons import ReasonChoices
from foundation.refusals import Refused


class AccessRefused(Refused):
    """A change of access, or of who may be given it, was refused."""

    reason: ReasonChoices

    def __init__(self, message: str, *, reason: ReasonChoices) -> None:
        super().__init__(message, reason=reason)
