"""Incidents, to be reviewed within one business day (21 CFR 1311.150(c))."""

import uuid
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models, transaction

from audit import chain
from audit.acts import Act
from audit.models import Event, Incident, IncidentKind, user_stream
from audit.models.incidents import PARAGRAPHS
from foundation import business_days
from foundation.actors import User


def report(
    kind: IncidentKind,
    *,
    about: User | None,
    of: models.Model | None = None,
    by: User | None = None,
) -> Incident:
    """Open an incident about an account, in the transaction that found it.

    Without an account it is about the portal itself. `by` reports it; by default the
    owner of the account.
    """
    public_id = uuid.uuid4()
    with transaction.atomic():
        event = chain.record(
            Act.INCIDENT_OPENED,
            by=by or about,
            of=of,
            kind=kind,
            incident=str(public_id),
        )
        return open_on(event, kind=kind, about=about, public_id=public_id)


def open_on(
    event: Event,
    *,
    kind: IncidentKind,
    about: User | None = None,
    public_id: uuid.UUID | None = None,
) -> Incident:
    """Open an incident on an event that cannot wait for the daily analysis."""
    return Incident.objects.create(
        public_id=public_id or uuid.uuid4(),
        kind=kind,
        paragraph=PARAGRAPHS[kind],
        at=event.at,
        due_at=due(event.at),
        username=about.get_username() if about else chain.SYSTEM,
        stream=user_stream(about) if about else chain.SYSTEM,
        act=event.act,
        outcome=event.outcome,
        source=event.stream,
        sequences=[event.sequence],
    )


def due(at: datetime) -> datetime:
    """Return when an incident known at `at` has to be decided and reported."""
    return business_days.due(at, zone=zone())


def zone() -> ZoneInfo:
    """Return the time zone in which the days of this installation begin."""
    return ZoneInfo(settings.REPORT_TIME_ZONE)
