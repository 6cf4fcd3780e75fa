import uuid
from datetime import datetime

from django.db import models
from django.db.models import Exists, OuterRef, Q, Subquery

from audit.acts import Act, Outcome, act_choices
from audit.catalog import Paragraph
from audit.models.reports import DailyReport


class IncidentKind(models.TextChoices):
    """What has to be reviewed, and how it became known (21 CFR 1311.150)."""

    NOT_ME = "not_me", "A push was reported as not started by its owner"
    NOT_SIGNED_BY_ME = "not_signed_by_me", "A prescription was reported as not signed"
    LOST_DEVICE = "lost_device", "A device was reported lost, stolen or compromised"
    RECORD_TAMPERED = "record_tampered", "The record or the archive does not verify"
    CHANGED_IN_TRANSIT = "changed_in_transit", "A prescription was changed on its way"
    CLOCK_OFF = "clock_off", "The clock is not the official time"
    INTERRUPTED = "interrupted", "The portal did not do its work"
    FOUND = "found", "Auditable events found by the daily analysis"


PARAGRAPHS = {
    IncidentKind.NOT_ME: Paragraph.ACCESS,
    IncidentKind.NOT_SIGNED_BY_ME: Paragraph.RECORDS,
    IncidentKind.LOST_DEVICE: Paragraph.ACCESS,
    IncidentKind.RECORD_TAMPERED: Paragraph.AUDIT,
    IncidentKind.CHANGED_IN_TRANSIT: Paragraph.RECORDS,
    IncidentKind.CLOCK_OFF: Paragraph.OPERATION,
    IncidentKind.INTERRUPTED: Paragraph.OPERATION,
}


class Step(models.TextChoices):
    """What happens to an incident after it is opened."""

    DISMISSED = "dismissed", "Decided: no security incident"
    CONFIRMED = "confirmed", "Decided: a security incident"
    TOLD_PROVIDER = "told_provider", "Reported to the application provider"
    TOLD_DEA = "told_dea", "Reported to DEA"
    OVERDUE = "overdue", "Found overdue"


DECISIONS = [Step.DISMISSED, Step.CONFIRMED]
NOTIFICATIONS = [Step.TOLD_PROVIDER, Step.TOLD_DEA]


class IncidentQuerySet(models.QuerySet["Incident"]):
    def with_state(self) -> "IncidentQuerySet":
        """Annotate the latest decision and to whom it was reported."""
        steps = IncidentStep.objects.filter(incident=OuterRef("pk"))
        decisions = steps.filter(kind__in=DECISIONS).order_by("-number")
        notifications = {
            f"is_{step.value}": Exists(steps.filter(kind=step))
            for step in NOTIFICATIONS
        }
        return self.annotate(
            decision=Subquery(decisions.values("kind")[:1]),
            is_marked_overdue=Exists(steps.filter(kind=Step.OVERDUE)),
            **notifications,
        )

    def undecided(self) -> "IncidentQuerySet":
        return self.with_state().filter(Q(decision=None))

    def waiting(self) -> "IncidentQuerySet":
        """Filter by undecided incidents and security incidents not yet reported to both."""
        unreported = Q(is_told_provider=False) | Q(is_told_dea=False)
        return self.with_state().filter(
            Q(decision=None) | (Q(decision=Step.CONFIRMED) & unreported)
        )

    def overdue(self, now: datetime) -> "IncidentQuerySet":
        return self.waiting().filter(due_at__lt=now)

    def not_marked_overdue(self) -> "IncidentQuerySet":
        return self.with_state().filter(Q(is_marked_overdue=False))


class Incident(models.Model):
    """Events that a person has to review; decisions and actions follow as steps.

    An incident never changes once it is written. Like the events it points to, it
    names people as text, so that no change elsewhere can alter it.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=20, choices=IncidentKind.choices)
    paragraph = models.CharField(max_length=6, choices=Paragraph.choices)
    at = models.DateTimeField(db_index=True)
    due_at = models.DateTimeField(db_index=True)
    username = models.CharField(max_length=150)
    stream = models.CharField(
        max_length=100, db_index=True
    )  # of the account it is about
    act = models.CharField(max_length=60, choices=act_choices, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, blank=True)
    source = models.CharField(max_length=100, blank=True)  # the stream of its events
    sequences = models.JSONField(default=list)  # its events there, in order
    report = models.ForeignKey(
        DailyReport, models.PROTECT, null=True, related_name="incidents"
    )

    decision: str | None  # annotated by with_state()

    objects = IncidentQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="incident_kind_known", condition=Q(kind__in=IncidentKind.values)
            ),
            models.CheckConstraint(
                name="incident_paragraph_known",
                condition=Q(paragraph__in=Paragraph.values),
            ),
            models.CheckConstraint(
                name="incident_found_by_a_report",
                condition=Q(kind=IncidentKind.FOUND, report__isnull=False)
                | (~Q(kind=IncidentKind.FOUND) & Q(report=None)),
            ),
            models.CheckConstraint(
                name="incident_due_after_it_was_known",
                condition=Q(due_at__gt=models.F("at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} UTC {self.username}: {self.label}"

    @property
    def label(self) -> str:
        """What happened, in words."""
        if self.kind != IncidentKind.FOUND:
            return self.get_kind_display()
        return Act(self.act).label if self.act in Act.values else self.act

    @property
    def count(self) -> int:
        return len(self.sequences)


class IncidentStep(models.Model):
    """One decision or action on an incident, by whom, when and why; never changed."""

    incident = models.ForeignKey(Incident, models.PROTECT, related_name="steps")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=20, choices=Step.choices)
    at = models.DateTimeField()
    username = models.CharField(max_length=150)
    words = models.TextField(max_length=2000, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(
                fields=["incident", "number"], name="incidentstep_number_unique"
            ),
            models.UniqueConstraint(
                fields=["incident", "kind"],
                condition=Q(kind__in=[*NOTIFICATIONS, Step.OVERDUE]),
                name="incidentstep_told_and_marked_once",
            ),
            models.CheckConstraint(
                name="incidentstep_kind_known", condition=Q(kind__in=Step.values)
            ),
            # Only a step that the portal adds by itself needs no words.
            models.CheckConstraint(
                name="incidentstep_has_a_person_and_words",
                condition=~Q(username="") & (Q(kind=Step.OVERDUE) | ~Q(words="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} by {self.username}"
