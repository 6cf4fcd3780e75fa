"""What has to be looked into within one business day (21 CFR 1311.150(c))."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models, transaction
from django.utils import timezone

from audit import business_days, chain
from audit.acts import Act, Outcome
from audit.models import Incident, IncidentKind, user_stream
from audit.models.incidents import PARAGRAPHS


def report(
    kind: IncidentKind,
    *,
    about: AbstractBaseUser | None,
    of: models.Model | None = None,
    by: AbstractBaseUser | None = None,
) -> Incident:
    """Open an incident about somebody's account, in the transaction that found it.

    Without an account it is about the portal itself. `by` is who reports it, the owner
    of the account if nobody else is named.
    """
    now = timezone.now()
    with transaction.atomic():
        incident = Incident(
            kind=kind,
            paragraph=PARAGRAPHS[kind],
            at=now,
            due_at=due(now),
            username=about.get_username() if about else chain.SYSTEM,
            stream=user_stream(about) if about else chain.SYSTEM,
            act=Act.INCIDENT_OPENED,
            outcome=Outcome.SUCCESS,
        )
        event = chain.record(
            Act.INCIDENT_OPENED,
            by=by or about,
            of=of,
            kind=kind,
            incident=str(incident.public_id),
        )
        incident.source, incident.sequences = event.stream, [event.sequence]
        incident.save(force_insert=True)
    return incident


def due(at: datetime) -> datetime:
    """Return until when what is known now has to be decided and told."""
    return business_days.due(at, zone=zone())


def zone() -> ZoneInfo:
    """Return where the days of this installation begin."""
    return ZoneInfo(settings.REPORT_TIME_ZONE)
