from django.db import models
from django.db.models import Q

from audit.models.events import HASH_LENGTH


class DailyReport(models.Model):
    """The analysis of one calendar day, also of a quiet one (21 CFR 1311.150(b)).

    Sealed like a checkpoint, and never changed.
    """

    day = models.DateField(unique=True)
    time_zone = models.CharField(max_length=40)
    generated_at = models.DateTimeField()
    is_late = models.BooleanField()
    events = models.PositiveBigIntegerField()  # of that day, auditable or not
    counts = models.JSONField()  # {paragraph: auditable events}
    auditable = models.JSONField()  # [[stream, sequence], …] in order of time
    problems = models.JSONField()  # of the record and the archive; empty: all verify
    key_id = models.CharField(max_length=40)
    previous_hash = models.CharField(max_length=HASH_LENGTH, blank=True)
    hash = models.CharField(max_length=HASH_LENGTH)

    class Meta:
        ordering = ["-day"]
        constraints = [
            models.CheckConstraint(
                name="dailyreport_sealed", condition=~Q(hash="") & ~Q(key_id="")
            ),
        ]

    def __str__(self) -> str:
        return f"Daily report of {self.day}"

    @property
    def total(self) -> int:
        return len(self.auditable)


class Heartbeat(models.Model):
    """When the worker last ran; the only row of the record that changes."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="heartbeat_named", condition=~Q(name="")),
        ]

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%Y-%m-%d %H:%M:%S} UTC"
