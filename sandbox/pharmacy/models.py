from django.db import models
from django.utils import timezone


class Behaviour(models.TextChoices):
    ACCEPT = "accept", "Accept"
    PASS_ON = "pass-on", "Pass on (000), the pharmacy is silent"
    ALTER = "alter", "Accept, but change the quantity on the way"
    REJECT = "reject", "Reject (900)"
    BUSY = "busy", "Busy (602)"
    HTTP_500 = "http-500", "HTTP 500"
    SLOW = "slow", "Slow"
    HANG_UP = "hang-up", "Hang up"
    DOWN_AFTER_ACCEPT = "down-after-accept", "Accept, then drop the answer"


class Mode(models.Model):
    """How the pharmacy behaves now; one row."""

    behaviour = models.CharField(
        max_length=17, choices=Behaviour.choices, default=Behaviour.ACCEPT
    )

    class Meta:
        constraints = [
            models.CheckConstraint(name="mode_is_one_row", condition=models.Q(pk=1))
        ]

    def __str__(self) -> str:
        return self.get_behaviour_display()


class Receipt(models.Model):
    """One MessageID that got a final answer, with the bytes that came and went."""

    message_id = models.CharField(max_length=35, unique=True)
    kind = models.CharField(max_length=35, default="NewRx")
    relates_to = models.CharField(max_length=35, blank=True)
    digest = models.CharField(max_length=64)
    content = models.BinaryField()
    answer = models.BinaryField()
    is_accepted = models.BooleanField()
    refusal = models.CharField(max_length=70, blank=True)
    patient = models.CharField(max_length=200, blank=True)
    drug = models.CharField(max_length=200, blank=True)
    quantity = models.CharField(max_length=40, blank=True)
    prescriber = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveIntegerField(default=1)
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-received_at", "-pk"]

    def __str__(self) -> str:
        return self.message_id


class Sent(models.Model):
    """One message of the pharmacy to the portal, and what the portal answered."""

    receipt = models.ForeignKey(Receipt, models.PROTECT, related_name="sent")
    message_id = models.CharField(max_length=35, unique=True)
    kind = models.CharField(max_length=35)
    content = models.BinaryField()
    answer = models.TextField()
    sent_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.kind} {self.message_id}"
