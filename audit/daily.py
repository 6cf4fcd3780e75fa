"""The analysis of every calendar day, and its report (21 CFR 1311.150(b))."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit import auditable, chain, incidents, seals, verification
from audit.acts import Act, Outcome
from audit.catalog import Paragraph
from audit.models import DailyReport, Event, Incident, IncidentKind

DAY = timedelta(days=1)
GRACE = timedelta(minutes=10)  # after midnight, for transactions still open then
LATEST = timedelta(hours=6)  # after midnight; from then on the report is overdue


class Account(NamedTuple):
    """The account that an event is about, as the record names it."""

    username: str
    stream: str


class Finding(NamedTuple):
    event: Event
    paragraph: Paragraph


About = Callable[[Event], Account]
Examine = Callable[[], Iterable[str]]


def account_of_actor(event: Event) -> Account:
    return Account(event.actor, event.stream)


def no_problems() -> list[str]:
    return []


def catch_up(
    *, about: About = account_of_actor, examine: Examine = no_problems
) -> list[DailyReport]:
    """Report on every day that is over and has no report yet; safe to run at any time.

    `about` returns the account that an event is about, `examine` the problems of other
    archives.
    """
    days = missing_days()
    if not days:
        return []
    problems = [*_problems_of_record(), *examine()]
    reports = [make(day, about=about, problems=problems) for day in days]
    return [report for report in reports if report]


def missing_days() -> list[date]:
    first, today = _first_missing_day(), _day_of(timezone.now() - GRACE)
    if first is None:
        return []
    return [first + n * DAY for n in range((today - first).days)]


def _first_missing_day() -> date | None:
    if last := DailyReport.objects.order_by("-day").first():
        return last.day + DAY
    earliest = Event.objects.order_by("at").first()
    return _day_of(earliest.at) if earliest else None


def is_overdue() -> bool:
    """Return True if yesterday has no report although today is some hours old."""
    latest = _day_of(timezone.now() - LATEST) - DAY
    return any(day <= latest for day in missing_days())


def make(day: date, *, about: About, problems: list[str]) -> DailyReport | None:
    """Report on one day that is over; return None if another worker just did."""
    day_findings = findings(day)
    report = DailyReport(
        day=day,
        time_zone=incidents.zone().key,
        events=_events_of(day).count(),
        counts=dict(Counter(str(finding.paragraph) for finding in day_findings)),
        auditable=[[event.stream, event.sequence] for event, _ in day_findings],
        problems=problems,
        key_id=seals.current_key_id(),
    )
    with transaction.atomic(durable=True):
        chain.lock_head(chain.SYSTEM)  # two workers make one report
        if DailyReport.objects.filter(day=day).exists():
            return None
        last = DailyReport.objects.order_by("-day").first()
        _seal_and_save(report, last)
        Incident.objects.bulk_create(_new_incidents(report, day_findings, about=about))
        if last is None or _day_of(last.generated_at) < _day_of(report.generated_at):
            _alarm(report)  # once for all days that are caught up today
        _record(report)
    return report


def findings(day: date) -> list[Finding]:
    """Return the auditable events of a day, in order of time."""
    events = _events_of(day).filter(act__in=auditable.ACTS)
    ordered = events.order_by("at", "stream", "sequence").iterator()
    judged = ((event, auditable.paragraph_of(event)) for event in ordered)
    return [Finding(event, paragraph) for event, paragraph in judged if paragraph]


def bounds(day: date) -> tuple[datetime, datetime]:
    """Return when a day and the day after it begin, in the portal's zone."""
    midnight, zone = time(), incidents.zone()
    return (
        datetime.combine(day, midnight, tzinfo=zone),
        datetime.combine(day + DAY, midnight, tzinfo=zone),
    )


def _events_of(day: date) -> QuerySet[Event]:
    begins, ends = bounds(day)
    return Event.objects.filter(at__gte=begins, at__lt=ends)


def _day_of(at: datetime) -> date:
    return at.astimezone(incidents.zone()).date()


def _problems_of_record() -> list[str]:
    try:
        verification.verify()
    except verification.RecordBroken as broken:
        return [str(broken)]
    except seals.UNREADABLE as error:
        return [f"The record cannot be read: {error}"]
    return []


def _seal_and_save(report: DailyReport, last: DailyReport | None) -> None:
    report.previous_hash = last.hash if last else ""
    report.generated_at = timezone.now()
    report.is_late = _day_of(report.generated_at) > report.day + DAY
    report.hash = seals.seal(seals.report_fields(report))
    report.save(force_insert=True)


def _new_incidents(
    report: DailyReport, day_findings: list[Finding], *, about: About
) -> list[Incident]:
    """Return one incident for all events of a kind by one person about one account."""
    groups: dict[tuple[Paragraph, str, str, str, Account], list[int]] = {}
    known = _events_with_an_incident(report)
    for event, paragraph in day_findings:
        if (event.stream, event.sequence) not in known:
            key = (paragraph, event.act, event.outcome, event.stream, about(event))
            groups.setdefault(key, []).append(event.sequence)
    return [
        Incident(
            kind=IncidentKind.FOUND,
            paragraph=paragraph,
            at=report.generated_at,
            due_at=incidents.due(report.generated_at),
            username=account.username,
            stream=account.stream,
            act=act,
            outcome=outcome,
            source=source,
            sequences=sequences,
            report=report,
        )
        for (paragraph, act, outcome, source, account), sequences in groups.items()
    ]


def _events_with_an_incident(report: DailyReport) -> set[tuple[str, int]]:
    begins, _ = bounds(report.day)
    opened = Incident.objects.filter(at__gte=begins).exclude(kind=IncidentKind.FOUND)
    return {
        (source, sequence)
        for source, sequences in opened.values_list("source", "sequences")
        for sequence in sequences
    }


def _alarm(report: DailyReport) -> None:
    """Open incidents that cannot wait for the analysis of tomorrow."""
    if report.problems:
        broken = chain.record(
            Act.AUDIT_VERIFIED,
            by=None,
            outcome=Outcome.FAILURE,
            problem=report.problems[0],
        )
        incidents.open_on(broken, kind=IncidentKind.RECORD_TAMPERED)
    if report.is_late:
        late = chain.record(
            Act.AUDIT_REPORT_MISSED,
            by=None,
            outcome=Outcome.FAILURE,
            since=report.day.isoformat(),
        )
        incidents.open_on(late, kind=IncidentKind.INTERRUPTED)


def _record(report: DailyReport) -> None:
    chain.record(
        Act.AUDIT_REPORTED,
        by=None,
        day=report.day.isoformat(),
        events=report.total,
        digest=report.hash,
    )
