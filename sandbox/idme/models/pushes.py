import uuid
from datetime import timedelta

from django.db import models
from django.utils import timezone

from sandbox.idme.models.accounts import Account, Device

PUSH_TIME = timedelta(minutes=5)


class Answer(models.TextChoices):
    YES = "yes", "Yes"
    NO = "no", "No"


class PushRequest(models.Model):
    """A question on the phone: is it you who is signing in?"""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    device = models.ForeignKey(Device, models.CASCADE, related_name="requests")
    text = models.CharField(max_length=120)
    answer = models.CharField(max_length=3, choices=Answer.choices, blank=True)
    sent_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-sent_at"]

    def __str__(self) -> str:
        return self.text

    @property
    def is_expired(self) -> bool:
        return timezone.now() >= self.sent_at + PUSH_TIME


class Decision(models.TextChoices):
    WAITING = "waiting", "Waiting"
    APPROVED = "approved", "Approved"
    DECLINED = "declined", "Declined"
    NOT_ME = "not_me", "It wasn't me"
    WRONG_NUMBER = "wrong_number", "Two wrong numbers"


class ApprovalQuerySet(models.QuerySet["Approval"]):
    def waiting(self) -> "ApprovalQuerySet":
        return self.filter(decision=Decision.WAITING, expires_at__gt=timezone.now())


class Approval(models.Model):
    """What the client asked for at the backchannel, and what the phone answered.

    The client holds the request id; only its digest is kept.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    digest = models.CharField(max_length=64, unique=True)
    account = models.ForeignKey(Account, models.CASCADE, related_name="approvals")
    device = models.ForeignKey(Device, models.CASCADE)
    client_id = models.CharField(max_length=80)
    scope = models.TextField()
    message = models.CharField(max_length=200)
    number = models.CharField(max_length=2, blank=True)
    wrong_numbers = models.PositiveSmallIntegerField(default=0)
    decision = models.CharField(
        max_length=12, choices=Decision.choices, default=Decision.WAITING
    )
    decided_at = models.DateTimeField(null=True)
    interval = models.PositiveIntegerField()
    polled_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    objects = ApprovalQuerySet.as_manager()

    class Meta:
        ordering = ["-sent_at", "-pk"]

    def __str__(self) -> str:
        return f"Approval by {self.account}"

    @property
    def is_expired(self) -> bool:
        return timezone.now() >= self.expires_at
