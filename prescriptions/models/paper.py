import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from prescriptions.models.prescriptions import Prescription


class PrintoutKind(models.TextChoices):
    COPY = "copy", "Copy"
    ORIGINAL = "original", "Original"
    AFTER_FAILURE = "after-failure", "Original after a failed transmission"
    REPRINT = "reprint", "Reprint of the original"


TO_SIGN_BY_HAND = [
    PrintoutKind.ORIGINAL,
    PrintoutKind.AFTER_FAILURE,
    PrintoutKind.REPRINT,
]


class Printout(models.Model):
    """A printed sheet and its content (21 CFR 1311.170(b)-(d))."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    prescription = models.ForeignKey(
        Prescription, models.PROTECT, related_name="printouts"
    )
    kind = models.CharField(max_length=13, choices=PrintoutKind.choices)
    number = models.PositiveIntegerField()  # within its kind, from 1
    content = models.JSONField()  # canonical content of the prescription
    printed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    printed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="printout_kind_known", condition=Q(kind__in=PrintoutKind.values)
            ),
            models.UniqueConstraint(
                name="printout_counted", fields=["prescription", "kind", "number"]
            ),
            models.UniqueConstraint(
                name="printout_one_original",
                fields=["prescription"],
                condition=Q(
                    kind__in=[PrintoutKind.ORIGINAL, PrintoutKind.AFTER_FAILURE]
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.number}"


class Cancellation(models.Model):
    """The cancellation of a signed prescription (21 CFR 1311.120(b)(19))."""

    prescription = models.OneToOneField(
        Prescription, models.PROTECT, related_name="cancellation"
    )
    cancelled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )  # null: the portal found the message altered before it was sent
    cancelled_at = models.DateTimeField(default=timezone.now)
    reason = models.CharField(max_length=200)
    is_approved = models.BooleanField(null=True)  # the pharmacy's answer
    answer = models.CharField(max_length=200, blank=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="cancellation_has_a_reason", condition=~Q(reason="")
            ),
            models.CheckConstraint(
                name="cancellation_answered_with_its_time",
                condition=Q(is_approved=None, answered_at=None)
                | Q(is_approved__isnull=False, answered_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"Cancellation of {self.prescription_id}"
