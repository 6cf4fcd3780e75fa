"""Verify the whole record and name the first row that was altered."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet

from audit import checkpoints, seals
from audit.acts import Act, Outcome
from audit.chain import CLOCK_STEP, SYSTEM
from audit.models import ChainHead, Checkpoint, DailyReport, Event

CHUNK = 2000  # rows in memory
CHECKPOINTS = "checkpoints"  # the stream in messages about a checkpoint
DAILY_REPORTS = "daily reports"


class RecordBroken(Exception):
    """The first bad row: where it is, and what is wrong with it."""

    def __init__(
        self, what: str, *, stream: str, sequence: int, pk: object = None
    ) -> None:
        self.what, self.stream, self.sequence, self.pk = what, stream, sequence, pk
        row = f", row {pk}" if pk else ""
        super().__init__(f"{stream} {sequence}{row}: {what}")


@dataclass
class Report:
    streams: int = 0
    events: int = 0
    checkpoints: int = 0
    daily_reports: int = 0
    clock_steps: int = 0  # events before their predecessor: the clock went back


def verify(*, external: Checkpoint | None = None) -> Report:
    """Return what was verified, or raise RecordBroken with the first bad row.

    `external` is a checkpoint kept elsewhere: the only proof against somebody who may
    do everything in this database, short of having the key.
    """
    report = Report()
    checkpoints_made = Event.objects.filter(
        stream=SYSTEM, act=Act.AUDIT_CHECKPOINTED, outcome=Outcome.SUCCESS
    ).count()
    reports_made = Event.objects.filter(stream=SYSTEM, act=Act.AUDIT_REPORTED).count()
    # Chains only grow, so that writers may go on meanwhile.
    for stream in list(ChainHead.objects.values_list("stream", flat=True)):
        _verify_chain(stream, report)
        report.streams += 1
    _refuse_headless()
    _verify_checkpoints(report, made=checkpoints_made)
    _verify_daily_reports(report, made=reports_made)
    if external:
        _verify_seal(external)
        _verify_heads(external)
    return report


def _verify_chain(stream: str, report: Report) -> None:
    last: Event | None = None
    while True:
        for event in _events_after(stream, last.sequence if last else None):
            _verify_event(event, last)
            report.events += 1
            report.clock_steps += bool(last and event.at < last.at - CLOCK_STEP)
            last = event
        # Read after the events, so that it can only be further than they were.
        head = ChainHead.objects.get(stream=stream)
        seen, seen_hash = (last.sequence, last.hash) if last else (0, "")
        if (head.sequence, head.hash) == (seen, seen_hash):
            return
        if not _unread(stream, last.sequence if last else None).exists():
            raise _differing(head, seen)


def _differing(head: ChainHead, seen: int) -> RecordBroken:
    if head.sequence > seen:
        what = f"tail cut: the head of this chain is at {head.sequence}"
        return RecordBroken(what, stream=head.stream, sequence=seen + 1)
    what = f"head differs: it names event {head.sequence} with another hash"
    return RecordBroken(what, stream=head.stream, sequence=seen)


def _unread(stream: str, seen: int | None) -> QuerySet[Event]:
    events = Event.objects.filter(stream=stream).order_by("sequence")
    return events if seen is None else events.filter(sequence__gt=seen)


def _events_after(stream: str, seen: int | None) -> Iterator[Event]:
    while True:
        try:
            chunk = list(_unread(stream, seen)[:CHUNK])
        except seals.UNREADABLE:
            yield from _single_events(stream, seen)
            return
        yield from chunk
        if len(chunk) < CHUNK:
            return
        seen = chunk[-1].sequence


def _single_events(stream: str, seen: int | None) -> Iterator[Event]:
    """Read row by row, to name the one that made a whole chunk unreadable."""
    for sequence in _unread(stream, seen).values_list("sequence", flat=True)[:CHUNK]:
        try:
            event = Event.objects.get(stream=stream, sequence=sequence)
        except seals.UNREADABLE as error:
            what = f"hash: this event cannot be read any more ({error})"
            raise RecordBroken(what, stream=stream, sequence=sequence) from None
        yield event


def _verify_event(event: Event, last: Event | None) -> None:
    expected = last.sequence + 1 if last else 1
    if event.sequence != expected:
        raise _broken("gap: events are missing before this one", event, at=expected)
    if event.previous_hash != (last.hash if last else ""):
        raise _broken("order: this does not follow the event before it", event)
    try:
        intact = seals.is_intact(event)
    except seals.KeyMissing as missing:
        raise _broken(f"key: {missing}", event) from None
    if not intact:
        raise _broken("hash: this event is not as it was written", event)


def _broken(what: str, event: Event, *, at: int | None = None) -> RecordBroken:
    return RecordBroken(
        what, stream=event.stream, sequence=at or event.sequence, pk=event.pk
    )


def _refuse_headless() -> None:
    heads = ChainHead.objects.filter(stream=OuterRef("stream"))
    headless = Event.objects.exclude(Exists(heads)).order_by("stream", "sequence")
    if event := headless.first():
        raise _broken("head missing: this chain has lost its head", event)


def _verify_checkpoints(report: Report, *, made: int) -> None:
    last: Checkpoint | None = None
    while checkpoint := _checkpoint_after(last):
        _verify_seal(checkpoint)
        _verify_succession(checkpoint, last)
        report.checkpoints += 1
        last = checkpoint
    if report.checkpoints < made:
        raise RecordBroken(
            f"checkpoint differs: the record tells of {made}",
            stream=CHECKPOINTS,
            sequence=report.checkpoints + 1,
        )
    if last:
        # It covers the earlier ones, as _verify_succession has verified.
        _verify_heads(last)


def _checkpoint_after(last: Checkpoint | None) -> Checkpoint | None:
    ordered = Checkpoint.objects.order_by("sequence")
    try:
        return (ordered.filter(sequence__gt=last.sequence) if last else ordered).first()
    except seals.UNREADABLE as error:
        what = f"checkpoint differs: it cannot be read any more ({error})"
        sequence = last.sequence + 1 if last else 1
        raise RecordBroken(what, stream=CHECKPOINTS, sequence=sequence) from None


def _verify_seal(checkpoint: Checkpoint) -> None:
    try:
        intact = seals.is_intact(checkpoint)
    except seals.KeyMissing as missing:
        raise _bad_checkpoint(checkpoint, str(missing)) from None
    if not intact:
        raise _bad_checkpoint(checkpoint, "it is not as it was written")


def _verify_succession(checkpoint: Checkpoint, last: Checkpoint | None) -> None:
    if checkpoint.sequence != (last.sequence + 1 if last else 1):
        raise _bad_checkpoint(checkpoint, "those before it are missing")
    if checkpoint.previous_hash != (last.hash if last else ""):
        raise _bad_checkpoint(checkpoint, "it does not follow the one before it")
    if last and (steps := checkpoints.shortened(last, checkpoint.heads)):
        raise _bad_checkpoint(checkpoint, steps[0])


def _bad_checkpoint(checkpoint: Checkpoint, why: str) -> RecordBroken:
    return RecordBroken(
        f"checkpoint differs: {why}",
        stream=CHECKPOINTS,
        sequence=checkpoint.sequence,
        pk=checkpoint.pk,
    )


def _verify_heads(checkpoint: Checkpoint) -> None:
    for stream, sequence, expected in checkpoint.heads:
        chain = Event.objects.filter(stream=stream)
        event = chain.filter(sequence=sequence).values_list("hash", "pk").first()
        if event is None:
            what = "tail cut" if chain.exists() else "chain removed"
            where = f"checkpoint {checkpoint.sequence} has seen event {sequence}"
            raise RecordBroken(f"{what}: {where}", stream=stream, sequence=sequence)
        if event[0] != expected:
            what = f"checkpoint differs: {checkpoint.sequence} has seen another hash"
            raise RecordBroken(what, stream=stream, sequence=sequence, pk=event[1])


def _verify_daily_reports(report: Report, *, made: int) -> None:
    last: DailyReport | None = None
    for daily in DailyReport.objects.order_by("day").iterator():
        report.daily_reports += 1
        if problem := _problem_with(daily, last):
            raise _bad_report(problem, report, daily)
        last = daily
    if report.daily_reports < made:
        raise _bad_report(f"the record tells of {made}", report)


def _problem_with(daily: DailyReport, last: DailyReport | None) -> str:
    try:
        if not seals.is_intact(daily):
            return "it is not as it was written"
    except seals.KeyMissing as missing:
        return str(missing)
    if daily.previous_hash != (last.hash if last else ""):
        return "it does not follow the one before it"
    return ""


def _bad_report(
    why: str, report: Report, daily: DailyReport | None = None
) -> RecordBroken:
    return RecordBroken(
        f"daily report differs: {why}",
        stream=DAILY_REPORTS,
        sequence=report.daily_reports + (daily is None),
        pk=daily.pk if daily else None,
    )
