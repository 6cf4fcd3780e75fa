"""How a row is sealed: HMAC-SHA-256 with a named key over RFC 8785 canonical JSON.

Canonical JSON, so that no text in one field can pass for another field.
"""

import hmac
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import rfc8785
from django.conf import settings
from django.db import DatabaseError

from audit.models import Checkpoint, DailyReport, Event

# Part of what is sealed, so that one kind of row can never pass for the other.
EVENT_KIND = "epcs-portal audit event 1"
CHECKPOINT_KIND = "epcs-portal audit checkpoint 1"
REPORT_KIND = "epcs-portal daily report 1"

# The errors of reading a row whose bytes were altered.
UNREADABLE = (AttributeError, DatabaseError, TypeError, ValueError)


class KeyMissing(Exception):
    def __init__(self, key_id: str) -> None:
        super().__init__(f"AUDIT_KEYS holds no key {key_id!r}")


def current_key_id() -> str:
    return settings.AUDIT_KEYS[0][0]


def event_fields(event: Event) -> dict[str, Any]:
    return {
        "kind": EVENT_KIND,
        "id": str(event.id),
        "stream": event.stream,
        "sequence": event.sequence,
        "at": timestamp(event.at),
        "actor": event.actor,
        "act": str(event.act),
        "outcome": str(event.outcome),
        "subject": event.subject,
        "detail": event.detail,
        "address": event.address,
        "request_id": event.request_id,
        "key_id": event.key_id,
        "previous_hash": event.previous_hash,
    }


def checkpoint_fields(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "kind": CHECKPOINT_KIND,
        "sequence": checkpoint.sequence,
        "at": timestamp(checkpoint.at),
        "heads": checkpoint.heads,
        "streams": checkpoint.streams,
        "events": checkpoint.events,
        "key_id": checkpoint.key_id,
        "previous_hash": checkpoint.previous_hash,
    }


def report_fields(report: DailyReport) -> dict[str, Any]:
    return {
        "kind": REPORT_KIND,
        "day": report.day.isoformat(),
        "time_zone": report.time_zone,
        "generated_at": timestamp(report.generated_at),
        "is_late": report.is_late,
        "events": report.events,
        "counts": report.counts,
        "auditable": report.auditable,
        "problems": report.problems,
        "key_id": report.key_id,
        "previous_hash": report.previous_hash,
    }


def seal(fields: dict[str, Any]) -> str:
    """Return the hash of these fields, with the key that their `key_id` names."""
    keys = dict(settings.AUDIT_KEYS)
    if fields["key_id"] not in keys:
        raise KeyMissing(fields["key_id"])
    return hmac.new(keys[fields["key_id"]], rfc8785.dumps(fields), sha256).hexdigest()


def is_intact(row: Event | Checkpoint | DailyReport) -> bool:
    """Return True if a row is unaltered; raise KeyMissing without its key."""
    try:
        return hmac.compare_digest(seal(_fields(row)), row.hash)
    except UNREADABLE:
        return False


def _fields(row: Event | Checkpoint | DailyReport) -> dict[str, Any]:
    match row:
        case Event():
            return event_fields(row)
        case Checkpoint():
            return checkpoint_fields(row)
    return report_fields(row)


def timestamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
