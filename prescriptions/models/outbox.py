import uuid
from datetime import timedelta

from django.db import models
from django.db.models import Q

from prescriptions.models.prescriptions import Prescription


class TransmissionState(models.TextChoices):
    WAITING = "waiting", "Waiting to be sent"
    SENDING = "sending", "Being sent"
    TRANSMITTED = "transmitted", "Taken by the network"
    DELIVERED = "delivered", "Accepted by the pharmacy"
    FAILED = "failed", "Given up or refused"


class Transmission(models.Model):
    """One message of the outbox: the same MessageID and bytes at every attempt."""

    GIVE_UP_AFTER = timedelta(hours=24)

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    prescription = models.OneToOneField(
        Prescription, models.PROTECT, related_name="transmission"
    )
    message_id = models.CharField(max_length=35, unique=True)
    xml = models.BinaryField()
    state = models.CharField(
        max_length=12,
        choices=TransmissionState.choices,
        default=TransmissionState.WAITING,
    )
    attempts = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField()
    enqueued_at = models.DateTimeField()
    last_attempt_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    answer = models.TextField(blank=True)
    last_problem = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["pk"]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(state__in=["waiting", "sending"]),
                name="transmission_due",
            )
        ]
        constraints = [
            models.CheckConstraint(
                name="transmission_state_known",
                condition=Q(state__in=TransmissionState.values),
            ),
            models.CheckConstraint(
                name="transmission_leased_while_sending",
                condition=Q(state="sending", leased_until__isnull=False)
                | (~Q(state="sending") & Q(leased_until=None)),
            ),
            models.CheckConstraint(
                name="transmission_answered_once_accepted",
                condition=~Q(state__in=["transmitted", "delivered"])
                | Q(answered_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.message_id
