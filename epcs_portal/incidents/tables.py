"""A practice's part of a daily report, on its page and as CSV."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Q, QuerySet

from audit import daily
from audit.models import DailyReport, Event, Incident, IncidentKind
from audit.models.incidents import DECISIONS, IncidentQuerySet
from prescriptions import spreadsheets

HEADER = [
    "paragraph",
    "time (UTC)",
    "actor",
    "act",
    "outcome",
    "about",
    "address",
    "stream",
    "sequence",
    "incident",
    "due (UTC)",
    "decision",
    "decided by",
    "words",
]
CHUNK = 1000  # sequences in one query


def part_of(report: DailyReport, visible: IncidentQuerySet) -> IncidentQuerySet:
    """Return what the analysis found about that day, and what people reported on it."""
    begins, ends = daily.bounds(report.day)
    reported = Q(at__gte=begins, at__lt=ends) & ~Q(kind=IncidentKind.FOUND)
    return (
        visible.with_state()
        .filter(Q(report=report) | reported)
        .order_by("paragraph", "at", "pk")
    )


def write(file: Any, incidents: QuerySet[Incident]) -> None:
    """Write one line for each event of these incidents."""
    file.write(spreadsheets.line(HEADER))
    for incident in incidents.prefetch_related("steps"):
        for event in events_of(incident):
            file.write(spreadsheets.line(_cells(incident, event)))


def events_of(incident: Incident) -> Iterator[Event]:
    numbers = incident.sequences
    for start in range(0, len(numbers), CHUNK):
        chunk = numbers[start : start + CHUNK]
        yield from Event.objects.filter(
            stream=incident.source, sequence__in=chunk
        ).order_by("sequence")


def _cells(incident: Incident, event: Event) -> Iterable[object]:
    decided = [step for step in incident.steps.all() if step.kind in DECISIONS]
    last = decided[-1] if decided else None
    return [
        f"1311.150{incident.paragraph}",
        f"{event.at:%Y-%m-%d %H:%M:%S}",
        event.actor,
        event.act,
        event.outcome,
        event.subject,
        event.address,
        event.stream,
        event.sequence,
        incident.public_id,
        f"{incident.due_at:%Y-%m-%d %H:%M:%S}",
        last.get_kind_display() if last else "",
        last.username if last else "",
        last.words if last else "",
    ]
