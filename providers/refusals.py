"""Why a change of access was refused; the message says what to do next."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import models

from audit import chain
from audit.acts import Act, Outcome
from audit.reasons import ReasonChoices, Words
from foundation.actors import User
from foundation.refusals import Refused
from mfa.refusals import NotProven


class NotAllowed(Refused):
    """A change of access was refused."""

    reason: ReasonChoices

    def __init__(self, message: str, *, reason: ReasonChoices) -> None:
        super().__init__(message, reason=reason)


@contextmanager
def on_record(of: models.Model, *, by: User) -> Iterator[None]:
    """Record a refusal after its transaction, so that no rollback takes it away."""
    try:
        yield
    except (NotAllowed, NotProven) as refusal:
        chain.record(
            Act.ACCESS_REFUSED,
            by=by,
            of=of,
            outcome=Outcome.FAILURE,
            reason=refusal.reason
            if isinstance(refusal, NotAllowed)
            else Words(str(refusal)),
        )
        raise
