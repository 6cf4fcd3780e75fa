import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from foundation.actors import User
from prescriptions import formats
from prescriptions.models.prescriptions import Prescription


class ReceivedMessage(models.Model):
    """A message from a pharmacy and its answer, which is repeated unchanged."""

    sender = models.CharField(max_length=35)
    message_id = models.CharField(max_length=35)
    kind = models.CharField(max_length=35)
    digest = models.CharField(max_length=64)  # SHA-256 of the message
    content = models.BinaryField()
    answer = models.BinaryField()
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                name="received_message_once", fields=["sender", "message_id"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.message_id}"


class RequestKind(models.TextChoices):
    RENEWAL = "renewal", "Renewal"
    CHANGE = "change", "Change"


class RequestState(models.TextChoices):
    OPEN = "open", "Waiting for the practitioner"
    DENIED = "denied", "Denied"
    WRITING = "writing", "A new prescription is being written"
    ANSWERED = "answered", "Answered with a new prescription"


class RequestQuerySet(models.QuerySet["PharmacyRequest"]):
    def visible_to(self, user: User) -> "RequestQuerySet":
        return self.filter(prescription__in=Prescription.objects.visible_to(user))

    def open(self) -> "RequestQuerySet":
        return self.filter(state=RequestState.OPEN)

    def waiting(self) -> "RequestQuerySet":
        return self.filter(state__in=[RequestState.OPEN, RequestState.WRITING])


class PharmacyRequest(models.Model):
    """A pharmacy's request to a practitioner; it orders nothing by itself."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    message = models.OneToOneField(
        ReceivedMessage, models.PROTECT, related_name="request"
    )
    prescription = models.ForeignKey(
        Prescription, models.PROTECT, related_name="requests"
    )
    kind = models.CharField(max_length=7, choices=RequestKind.choices)
    code = models.CharField(max_length=10, blank=True)  # MessageRequestCode
    wanted_drug = models.CharField(max_length=105, blank=True)
    wanted_quantity = models.CharField(max_length=11, blank=True)
    wanted_refills = models.CharField(max_length=2, blank=True)
    wanted_directions = models.TextField(
        max_length=formats.DIRECTIONS_LENGTH, blank=True
    )
    note = models.CharField(max_length=formats.NOTE_LENGTH, blank=True)
    state = models.CharField(
        max_length=8, choices=RequestState.choices, default=RequestState.OPEN
    )
    draft = models.OneToOneField(
        Prescription, models.PROTECT, null=True, related_name="answers_request"
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=70, blank=True)  # of a denial
    received_at = models.DateTimeField(default=timezone.now)

    objects = RequestQuerySet.as_manager()

    class Meta:
        ordering = ["-received_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="pharmacy_request_kind_known",
                condition=Q(kind__in=RequestKind.values),
            ),
            models.CheckConstraint(
                name="pharmacy_request_decided_by_somebody",
                condition=Q(
                    state=RequestState.OPEN,
                    draft=None,
                    decided_by=None,
                    decided_at=None,
                    reason="",
                )
                | Q(
                    state__in=[RequestState.WRITING, RequestState.ANSWERED],
                    draft__isnull=False,
                    decided_by__isnull=False,
                    decided_at__isnull=False,
                    reason="",
                )
                | (
                    Q(
                        state=RequestState.DENIED,
                        draft=None,
                        decided_by__isnull=False,
                        decided_at__isnull=False,
                    )
                    & ~Q(reason="")
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.prescription}"

    def get_absolute_url(self) -> str:
        return reverse("pharmacy-request", args=[self.public_id])

    @property
    def response_kind(self) -> str:
        is_renewal = self.kind == RequestKind.RENEWAL
        return "RxRenewalResponse" if is_renewal else "RxChangeResponse"
