"""Refusals in the record: an act that was refused leaves one event."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import models

from audit import chain
from audit.acts import Act, Outcome
from audit.catalog import Detail
from audit.models import Event
from audit.reasons import ReasonChoices, Words
from foundation.actors import Visitor
from foundation.refusals import Refused


@contextmanager
def recorded(act: Act, *, by: Visitor, of: models.Model | None) -> Iterator[None]:
    """Record a refusal as this act; enter it before the transaction.

    The event comes after the transaction, so that no rollback removes it.
    """
    try:
        yield
    except Refused as refusal:
        record(refusal, act, by=by, of=of)
        raise


def record(
    refusal: Refused, act: Act, *, by: Visitor, of: models.Model | None
) -> Event:
    """Record a refusal: its blockers, or its reason as a code or in its own words."""
    return chain.record(
        Act(refusal.act or act),
        by=by,
        of=of,
        outcome=Outcome.FAILURE,
        **_detail(refusal),
    )


def _detail(refusal: Refused) -> Detail:
    if refusal.blockers:
        return {"blockers": [blocker.label for blocker in refusal.blockers]}
    if isinstance(refusal.reason, ReasonChoices):
        return {"reason": refusal.reason}
    return {"reason": Words(str(refusal))}
