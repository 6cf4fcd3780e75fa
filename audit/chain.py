"""The only way an event enters the record."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Unpack

from django.db import models, transaction
from django.db.models.functions import Coalesce
from django.utils import timezone

from audit import context, seals
from audit.acts import Act, Outcome
from audit.catalog import Detail
from audit.models import ChainHead, Event, subject_of, user_stream
from audit.reasons import ReasonChoices, Words
from foundation.actors import Visitor
from foundation.statements import Unreadable, fetch

TEXT_LENGTH = 200  # characters of one text in a detail
SYSTEM = "system"  # the stream of acts without a person
ANONYMOUS = "anonymous"  # the stream of visitors who have not signed in
CLOCK_STEP = timedelta(seconds=1)
# Verified before an act; a refusal adds one, which must not cover a bad one.
NEWEST_EVENTS = 20
UNREADABLE = "The record cannot be read: {error}."
HEADLESS = "{stream}: the head of this chain is missing."


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
    event = prepare(act, by=by, of=of, outcome=outcome, stream=stream, **detail)
    record_all([event])
    return event


def prepare(
    act: Act,
    *,
    by: Visitor | None,
    of: models.Model | None = None,
    outcome: Outcome = Outcome.SUCCESS,
    stream: str | None = None,
    **detail: Unpack[Detail],
) -> Event:
    """Return an event for `record_all`, which gives it its place and its seal."""
    return Event(
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


def record_all(events: list[Event]) -> None:
    """Add events of one transaction to their one chain; its head moves once."""
    # No savepoint: an event that fails must take the act with it.
    with transaction.atomic(savepoint=False):
        head = lock_head(events[0].stream)
        for event in events:
            _append(event, head)
        Event.objects.bulk_create(events)
        ChainHead.objects.filter(stream=head.stream).update(
            sequence=head.sequence, hash=head.hash
        )


def denied(
    *, by: Visitor | None, of: models.Model | None, reason: ReasonChoices | Words
) -> Event:
    """Record that somebody was refused because they lack the permission."""
    return record(
        Act.PERMISSION_DENIED, by=by, of=of, outcome=Outcome.FAILURE, reason=reason
    )


def _append(event: Event, head: ChainHead) -> None:
    """Seal the event as the next of its chain, and move the head on to it."""
    if event.stream != head.stream:
        raise ValueError("Events of one transaction go to one chain.")
    event.sequence = head.sequence + 1
    event.previous_hash = head.hash
    event.at = timezone.now()
    event.hash = seals.seal(seals.event_fields(event))
    head.sequence, head.hash = event.sequence, event.hash


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
        return _problems_of_all() if by is None else problems_in(*fetch(*evidence(by)))
    except (Unreadable, *seals.UNREADABLE) as error:
        return [UNREADABLE.format(error=error)]


def evidence(by: Visitor) -> list[models.QuerySet[Any]]:
    """Return what to read for `problems_in`: the ends of the chains that `by` writes."""
    return _evidence([_stream(by), SYSTEM])


def problems_in(heads: list[ChainHead], events: list[Event]) -> list[str]:
    """Return the problems of these ends of chains, read in one statement."""
    ends = {head.stream: head for head in heads}
    newest: dict[str, list[Event]] = {stream: [] for stream in ends}
    for event in sorted(events, key=lambda event: -event.sequence):
        newest.setdefault(event.stream, []).append(event)
    try:
        return [
            problem
            for stream in sorted(newest)
            for problem in _problems_at(stream, ends.get(stream), newest[stream])
        ]
    except seals.UNREADABLE as error:
        return [UNREADABLE.format(error=error)]


def _problems_of_all() -> list[str]:
    ends = (
        fetch(*_evidence([stream]))
        for stream in ChainHead.objects.order_by("stream").values_list(
            "stream", flat=True
        )
    )
    problems = [problem for end in ends for problem in problems_in(*end)]
    return [*problems, *_headless(Event.objects.all())]


def _evidence(streams: list[str]) -> list[models.QuerySet[Any]]:
    head = ChainHead.objects.filter(stream=models.OuterRef("stream"))
    last = Event.objects.filter(stream=models.OuterRef("stream")).order_by("-sequence")
    end = Coalesce(
        models.Subquery(head.values("sequence")),
        models.Subquery(last.values("sequence")[:1]),
    )
    return [
        ChainHead.objects.filter(stream__in=streams),
        Event.objects.filter(stream__in=streams, sequence__gt=end - NEWEST_EVENTS),
    ]


def _problems_at(stream: str, head: ChainHead | None, newest: list[Event]) -> list[str]:
    if head is None:
        return [HEADLESS.format(stream=stream)]
    if not newest:
        return [f"{head}: the newest event is missing."] if head.sequence else []
    event = newest[0]
    if (event.sequence, event.hash) != (head.sequence, head.hash):
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


def _headless(events: models.QuerySet[Event]) -> list[str]:
    known = ChainHead.objects.filter(stream=models.OuterRef("stream"))
    lost = events.exclude(models.Exists(known)).order_by("stream")
    streams = lost.values_list("stream", flat=True)[:1]
    return [HEADLESS.format(stream=stream) for stream in streams]


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
