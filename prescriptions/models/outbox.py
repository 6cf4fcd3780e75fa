import uuid
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q

from prescriptions.models.paper import Cancellation
from prescriptions.models.prescriptions import Prescription
from prescriptions.models.requests import PharmacyRequest
from prescriptions.network_settings import script_settings

SCRIPT_VERSIONS = ["2017071", "2023011"]


class TransmissionState(models.TextChoices):
    WAITING = "waiting", "Waiting to be sent"
    SENDING = "sending", "Being sent"
    TRANSMITTED = "transmitted", "Taken by the network"
    DELIVERED = "delivered", "Accepted by the pharmacy"
    FAILED = "failed", "Given up or refused"
    WITHDRAWN = "withdrawn", "Taken back, not sent again"


def version_of_the_network() -> str:
    return script_settings().version


class Transmission(models.Model):
    """A message of the outbox: the same MessageID and bytes at every attempt.

    The NewRx of a prescription, its CancelRx, or the response to a pharmacy request.
    """

    GIVE_UP_AFTER = timedelta(hours=24)
    KEPT_BACK = "Kept back"  # beginning of `last_problem` of a message held on purpose

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    prescription = models.OneToOneField(
        Prescription, models.PROTECT, null=True, related_name="transmission"
    )
    cancellation = models.OneToOneField(
        Cancellation, models.PROTECT, null=True, related_name="message"
    )
    request = models.OneToOneField(
        PharmacyRequest, models.PROTECT, null=True, related_name="response"
    )
    version = models.CharField(
        "version of SCRIPT", max_length=7, default=version_of_the_network
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
                name="transmission_version_known",
                condition=Q(version__in=SCRIPT_VERSIONS),
            ),
            models.CheckConstraint(
                name="transmission_is_about_one_thing",
                condition=Q(prescription__isnull=False, cancellation=None, request=None)
                | Q(prescription=None, cancellation__isnull=False, request=None)
                | Q(prescription=None, cancellation=None, request__isnull=False),
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

    @property
    def kind(self) -> str:
        if self.cancellation_id:
            return "CancelRx"
        return self.request.response_kind if self.request else "NewRx"

    @property
    def gives_up_at(self) -> datetime:
        return self.created_at + self.GIVE_UP_AFTER

    @property
    def is_kept_back(self) -> bool:
        return self.last_problem.startswith(self.KEPT_BACK)

    @property
    def about(self) -> Prescription:
        """Return the prescription that this message is about."""
        source = self.cancellation or self.request
        prescription = source.prescription if source else self.prescription
        if prescription is None:  # a check constraint rules this out
            raise Prescription.DoesNotExist
        return prescription
