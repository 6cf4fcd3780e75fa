"""Whether the worker works: a gap is interference with the portal (1311.150(a)(3))."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from audit import chain
from audit.acts import Act, Outcome
from audit.models import Heartbeat

WORKER = "worker"
LONGEST = timedelta(minutes=15)  # between two beats; a restart takes less


def beat() -> None:
    """Say that the worker is there; put it on record if it was not for a while."""
    now = timezone.now()
    with transaction.atomic(durable=True):
        fresh = Heartbeat(name=WORKER, at=now)
        Heartbeat.objects.bulk_create([fresh], ignore_conflicts=True)
        heart = Heartbeat.objects.select_for_update(no_key=True).get(name=WORKER)
        since, heart.at = heart.at, max(heart.at, now)
        heart.save()
        if now - since > LONGEST:
            chain.record(
                Act.SERVICE_INTERRUPTED,
                by=None,
                outcome=Outcome.FAILURE,
                since=since.isoformat(timespec="seconds"),
            )
