"""Sealed copies of all heads, to keep where the portal cannot reach them.

A chain alone cannot show that its tail was cut, or that all of it is gone.
"""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit import chain, seals
from audit.acts import Act, Outcome
from audit.models import ChainHead, Checkpoint


class NotCheckpointed(Exception):
    """The record was altered: a checkpoint now would cover that up."""


def make() -> Checkpoint:
    """Seal the heads of all chains; refuse while the newest events do not verify."""
    try:
        with transaction.atomic(durable=True):
            return _make()
    except NotCheckpointed as refusal:
        chain.record(
            Act.AUDIT_CHECKPOINTED,
            by=None,
            outcome=Outcome.FAILURE,
            problem=str(refusal),
        )
        raise


def _make() -> Checkpoint:
    # A checkpoint made at the same time waits here, and then follows this one.
    chain.lock_head(chain.SYSTEM)
    last = Checkpoint.objects.order_by("-sequence").first()
    current = heads()
    problems = [*chain.check_health(), *(shortened(last, current) if last else [])]
    if problems:
        raise NotCheckpointed(" ".join(problems))
    checkpoint = make_after(last, current)
    checkpoint.save(force_insert=True)
    chain.record(
        Act.AUDIT_CHECKPOINTED,
        by=None,
        of=checkpoint,
        events=checkpoint.events,
        streams=checkpoint.streams,
    )
    return checkpoint


def heads() -> list[list[Any]]:
    rows = ChainHead.objects.filter(sequence__gt=0)
    return sorted(map(list, rows.values_list("stream", "sequence", "hash")))


def shortened(last: Checkpoint, current: list[list[Any]]) -> list[str]:
    """Return the chains that are shorter than at the last checkpoint, or gone."""
    now = {stream: sequence for stream, sequence, _ in current}
    return [
        f"{stream} is shorter than at checkpoint {last.sequence}."
        for stream, sequence, _ in last.heads
        if now.get(stream, 0) < sequence
    ]


def make_after(last: Checkpoint | None, current: list[list[Any]]) -> Checkpoint:
    checkpoint = Checkpoint(
        sequence=last.sequence + 1 if last else 1,
        at=timezone.now(),
        heads=current,
        streams=len(current),
        events=sum(sequence for _, sequence, _ in current),
        key_id=seals.current_key_id(),
        previous_hash=last.hash if last else "",
    )
    checkpoint.hash = seals.seal(seals.checkpoint_fields(checkpoint))
    return checkpoint


def as_fields(checkpoint: Checkpoint) -> dict[str, Any]:
    return seals.checkpoint_fields(checkpoint) | {"hash": checkpoint.hash}


def from_fields(fields: dict[str, Any]) -> Checkpoint:
    """Return a checkpoint kept elsewhere; raise ValueError if the fields are none."""
    try:
        at = datetime.fromisoformat(fields["at"])
        checkpoint = Checkpoint(at=at, **{name: fields[name] for name in _FIELDS})
    except (KeyError, TypeError, ValueError):
        raise ValueError("This is not a checkpoint.") from None
    if as_fields(checkpoint) != fields:
        raise ValueError("This is not a checkpoint.")
    return checkpoint


_FIELDS = ("sequence", "heads", "streams", "events", "key_id", "previous_hash", "hash")
