from django.db import models
from django.db.models import Q


class ClockState(models.TextChoices):
    OK = "ok", "Within five minutes of NIST time"
    DRIFT = "drift", "More than five minutes off"
    UNKNOWN = "unknown", "Not compared with NIST time"


class ClockMeasurement(models.Model):
    """One comparison of this server's clock with NIST time (21 CFR 1311.120(b)(8)).

    A slot of time holds one measurement, so that two workers do not both measure.
    """

    slot = models.BigIntegerField(unique=True)
    measured_at = models.DateTimeField(db_index=True)
    offset_ms = models.BigIntegerField("offset in milliseconds", null=True)
    source = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=8, choices=ClockState.choices)

    class Meta:
        ordering = ["-measured_at"]
        constraints = [
            models.CheckConstraint(
                name="clock_measurement_state_known",
                condition=Q(state__in=ClockState.values),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.measured_at:%Y-%m-%d %H:%M} {self.state}"
