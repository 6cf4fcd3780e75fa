import hashlib
import json
import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from audit.models import Incident
from foundation.actors import User
from prescriptions.models.prescriptions import Prescription
from providers.models import Practice, Provider


class LogKind(models.TextChoices):
    MONTHLY = "monthly", "Monthly"
    ON_DEMAND = "on_demand", "On demand"


class LogQuerySet(models.QuerySet["PrescriptionLog"]):
    def visible_to(self, user: User) -> "LogQuerySet":
        """Return the user's own logs; nobody else reads a practitioner's logs."""
        return self.filter(provider__user=user)

    def monthly(self) -> "LogQuerySet":
        return self.filter(kind=LogKind.MONTHLY)

    def undelivered(self) -> "LogQuerySet":
        return self.filter(mailed_at=None, opened_at=None)


class PrescriptionLog(models.Model):
    """What a practitioner signed at a practice in a period (21 CFR 1311.120(b)(27)).

    Archived, never changed.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=10, choices=LogKind.choices)
    provider = models.ForeignKey(
        Provider, models.PROTECT, related_name="prescription_logs"
    )
    practice = models.ForeignKey(
        Practice, models.PROTECT, related_name="prescription_logs"
    )
    first_day = models.DateField()
    last_day = models.DateField()
    payload = models.TextField()  # canonical JSON, RFC 8785
    digest = models.CharField(max_length=64)
    entries = models.PositiveIntegerField()
    made_at = models.DateTimeField()
    due_on = models.DateField(
        null=True
    )  # last day for delivery, in the practice's time zone
    mailed_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True)
    overdue_at = models.DateTimeField(null=True)  # when the alarm was raised
    confirmed_at = models.DateTimeField(null=True)

    objects = LogQuerySet.as_manager()

    class Meta:
        ordering = ["-first_day", "-made_at", "-pk"]
        indexes = [
            models.Index(
                fields=["due_on"],
                condition=Q(mailed_at=None, opened_at=None),
                name="prescription_log_to_deliver",
            )
        ]
        constraints = [
            models.CheckConstraint(
                name="prescription_log_kind_known",
                condition=Q(kind__in=LogKind.values),
            ),
            models.CheckConstraint(
                name="prescription_log_of_some_days",
                condition=Q(first_day__lte=F("last_day")),
            ),
            models.CheckConstraint(
                name="prescription_log_sealed",
                condition=~Q(payload="") & ~Q(digest=""),
            ),
            models.CheckConstraint(
                name="prescription_log_due_when_monthly",
                condition=Q(kind=LogKind.MONTHLY, due_on__isnull=False)
                | Q(kind=LogKind.ON_DEMAND, due_on=None),
            ),
            models.UniqueConstraint(
                fields=["provider", "practice", "first_day"],
                condition=Q(kind=LogKind.MONTHLY),
                name="prescription_log_once_a_month",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider}, {self.first_day} to {self.last_day}"

    def get_absolute_url(self) -> str:
        return reverse("log-detail", args=[self.public_id])

    @property
    def is_monthly(self) -> bool:
        return self.kind == LogKind.MONTHLY

    @property
    def is_intact(self) -> bool:
        return hashlib.sha256(self.payload.encode()).hexdigest() == self.digest

    @property
    def contents(self) -> dict:
        return json.loads(self.payload)


class RepudiationKind(models.TextChoices):
    """Problems that a practitioner must report (21 CFR 1311.102(j))."""

    NOT_SIGNED = "not_signed", "I did not sign this prescription"
    DIFFERS = "differs", "It differs from what I signed"


class Repudiation(models.Model):
    """A practitioner's report of a problem with a signature under their number."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    prescription = models.OneToOneField(
        Prescription, models.PROTECT, related_name="repudiation"
    )
    reported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="repudiations"
    )
    kind = models.CharField(max_length=10, choices=RepudiationKind.choices)
    reason = models.CharField(max_length=500)
    reported_at = models.DateTimeField()
    due_at = models.DateTimeField()  # end of the next business day
    incident = models.OneToOneField(
        Incident, models.PROTECT, related_name="repudiation"
    )

    class Meta:
        ordering = ["-reported_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="repudiation_kind_known",
                condition=Q(kind__in=RepudiationKind.values),
            ),
            models.CheckConstraint(
                name="repudiation_says_why", condition=~Q(reason="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.prescription.public_id}"
