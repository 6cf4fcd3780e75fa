"""The only way an event enters the record."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Unpack

from django.db import models, transaction
from django.utils import timezone

from audit import context, seals
from audit.acts import Act, Outcome
from audit.catalog import Detail
from audit.models import ChainHead, Event, subject_of, user_stream
from audit.reasons import ReasonChoices, Words
from foundation.actors import Visitor

TEXT_LENGTH = 200  # characters of one text in a detail
SYSTEM = "system"  # the stream of acts without a person
ANONYMOUS = "anonymous"  # the stream of visitors who have not signed in
CLOCK_STEP = timedelta(seconds=1)
# Verified before an act: several, as a refusal adds an event, which could hide a bad one.
NEWEST_EVENTS = 20


def record(
    act: Act,
    *,
    by: Visitor | None,
    of: models.Model | None = None,
    outcome: Outcome = Outcome.SUCCESS,
    stream: str | None = None,
    **detail: Unpack[Detail],
) -> Event:
    """Add one event to its chain, in the transaction that is open or in its own.

    Call it last in a transaction: from here to the commit, nobody else can write to
    this stream. If it raises, the act must not happen either.
    """
    event = Event(
        stream=stream or _stream(by),
        actor=_text(_actor(by), 150),
        act=Act(act),
        outcome=Outcome(outcome),
        subject=_subject(of),
        detail=_checked(act, outcome, detail),
        address=context.current().address,
        request_id=context.current().request_id,
        key_id=seals.current_key_id(),
    )
    _append(event)
    return event


def denied(
    *, by: Visitor | None, of: models.Model | None, reason: ReasonChoices | Words
) -> Event:
    """Record that somebody was refused because they lack the permission."""
    return record(
        Act.PERMISSION_DENIED, by=by, of=of, outcome=Outcome.FAILURE, reason=reason
    )


def _append(event: Event) -> None:
    """Seal the event as the next of its chain, and move the head of the chain to it."""
    # No savepoint: an event that fails must take the act with it.
    with transaction.atomic(savepoint=False):
        head = lock_head(event.stream)
        event.sequence = head.sequence + 1
        event.previous_hash = head.hash
        event.at = timezone.now()
        event.hash = seals.seal(seals.event_fields(event))
        event.save(force_insert=True)
        ChainHead.objects.filter(stream=event.stream).update(
            sequence=event.sequence, hash=event.hash
        )


def lock_head(stream: str) -> ChainHead:
    """Lock the head of a chain until the transaction ends, and return it."""
    locked = ChainHead.objects.select_for_update().filter(stream=stream)
    if head := locked.first():
        return head
    # Two writers may both start a stream; one row wins and both wait for it.
    ChainHead.objects.bulk_create([ChainHead(stream=stream)], ignore_conflicts=True)
    return locked.get()


def check_health(*, by: Visitor | None = None) -> list[str]:
    """Return the problems of the newest events; an empty list means go ahead.

    With `by`, verify only the streams that an act of theirs will write to, which takes
    as long however many others there are. `verify_audit` verifies everything.
    """
    try:
        return _problems(by)
    except seals.UNREADABLE as error:
        return [f"The record cannot be read: {error}."]


def _problems(by: Visitor | None) -> list[str]:
    heads, events = ChainHead.objects.order_by("stream"), Event.objects.all()
    if by is not None:
        streams = [user_stream(by), SYSTEM]
        heads = heads.filter(stream__in=streams)
        events = events.filter(stream__in=streams)
    problems = [problem for head in heads for problem in _problems_at(head)]
    known = ChainHead.objects.filter(stream=models.OuterRef("stream"))
    headless = events.exclude(models.Exists(known)).order_by("stream")
    if stream := headless.values_list("stream", flat=True).first():
        problems.append(f"{stream}: the head of this chain is missing.")
    return problems


def _problems_at(head: ChainHead) -> list[str]:
    # Head and events in one statement, so that a writer in between looks like none.
    named = ChainHead.objects.filter(stream=head.stream)
    newest = list(
        Event.objects.filter(stream=head.stream)
        .annotate(
            head_sequence=models.Subquery(named.values("sequence")),
            head_hash=models.Subquery(named.values("hash")),
        )
        .order_by("-sequence")[:NEWEST_EVENTS]
    )
    if not newest:
        return [f"{head}: the newest event is missing."] if head.sequence else []
    event = newest[0]
    if (event.sequence, event.hash) != (event.head_sequence, event.head_hash):
        return [f"{head}: the newest event is not the one its head names."]
    try:
        if not all(map(seals.is_intact, newest)):
            return [f"{head}: one of the newest events was changed."]
    except seals.KeyMissing as missing:
        return [f"{head}: {missing}."]
    if any(event.at < before.at - CLOCK_STEP for before in newest[1:2]):
        return [f"{head}: the clock of this server went back."]
    if event.at > timezone.now() + CLOCK_STEP:
        return [f"{head}: the newest event is in the future; the clock went back."]
    return []


def _stream(by: Visitor | None) -> str:
    if by is None:
        return SYSTEM
    return ANONYMOUS if by.is_anonymous else user_stream(by)


def _actor(by: Visitor | None) -> str:
    if by is None:
        return SYSTEM
    return ANONYMOUS if by.is_anonymous else by.get_username()


def _subject(of: models.Model | None) -> str:
    if of is None:
        return ""
    if of.pk is None:
        raise ValueError(f"Save the {of._meta.verbose_name} before recording it.")
    return subject_of(of)


def _checked(
    act: Act, outcome: Outcome, detail: Mapping[str, object]
) -> dict[str, object]:
    entry, failed = Act(act).entry, outcome == Outcome.FAILURE
    if unknown := [key for key in detail if not entry.allows(key, failed=failed)]:
        raise ValueError(f"Not allowed in {act}: {', '.join(sorted(unknown))}.")
    return {key: _value(value) for key, value in detail.items()}


def _value(value: object) -> object:
    match value:
        case None | bool() | int():
            return value
        case str():
            return _text(value, TEXT_LENGTH)
        case list() if all(isinstance(item, str) for item in value):
            return [_text(item, TEXT_LENGTH) for item in value]
    raise TypeError(f"The record takes no {type(value).__name__}.")


def _text(text: str, length: int) -> str:
    """Return plain text that both databases return unchanged."""
    encoded = str(text).encode(errors="backslashreplace")
    return encoded.decode().replace("\0", "\\x00")[:length]
