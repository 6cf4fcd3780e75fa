"""What has to be looked into within one business day (21 CFR 1311.150(c))."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models, transaction
from django.utils import timezone

from audit import chain
from audit.acts import Act
from audit.models import Incident, IncidentKind, user_stream


def report(
    kind: IncidentKind, *, about: AbstractBaseUser, of: models.Model | None = None
) -> Incident:
    """Open an incident about somebody's account, in the transaction that found it."""
    with transaction.atomic():
        incident = Incident.objects.create(
            kind=kind,
            at=timezone.now(),
            username=about.get_username(),
            stream=user_stream(about),
        )
        chain.record(
            Act.INCIDENT_OPENED,
            by=about,
            of=of,
            kind=kind,
            incident=str(incident.public_id),
        )
    return incident
