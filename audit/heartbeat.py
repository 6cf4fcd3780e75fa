"""The heartbeat of the worker: a gap is interference (21 CFR 1311.150(a)(3))."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from audit import chain
from audit.acts import Act, Outcome
from audit.models import Heartbeat

WORKER = "worker"
LONGEST = timedelta(minutes=15)  # between two beats; a restart takes less


def beat() -> None:
    """Note that the worker runs; record it if it did not run for a while."""
    now = timezone.now()
    with transaction.atomic(durable=True):
        first = Heartbeat(name=WORKER, at=now)
        Heartbeat.objects.bulk_create([first], ignore_conflicts=True)
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
