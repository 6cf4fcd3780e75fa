import uuid
from datetime import timedelta

from django.contrib.auth import hashers
from django.db import models
from django.utils import timezone

SET_UP_TIME = timedelta(minutes=15)


class Account(models.Model):
    """One person's ID.me account, as far as a portal can tell it from a real one."""

    key = models.SlugField(unique=True, null=True)  # noqa: DJ001  none unless seeded
    subject = models.UUIDField(default=uuid.uuid4, unique=True)
    email = models.EmailField(unique=True)
    password = models.CharField(max_length=128)
    first_name = models.CharField(max_length=60)
    last_name = models.CharField(max_length=60)
    ial = models.PositiveSmallIntegerField(default=1)
    recovery_digest = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}"

    @property
    def reference(self) -> str:
        return self.key or str(self.subject)

    def set_password(self, password: str) -> None:
        self.password = hashers.make_password(password)

    def has_password(self, password: str) -> bool:
        return hashers.check_password(password, self.password)


class DeviceType(models.TextChoices):
    CODE_GENERATOR = "code_generator", "Code Generator"
    PUSH = "push", "Push Notification"
    TEXT = "text", "Text Message"
    PHONE = "phone", "Phone Call"
    EMAIL = "email", "E-mail"


# RFC 8176 2
AMR = {
    DeviceType.CODE_GENERATOR: ["mfa", "otp"],
    DeviceType.PUSH: ["mfa", "swk"],
    DeviceType.TEXT: ["mfa", "sms"],
    DeviceType.PHONE: ["mfa", "tel"],
}


class Channel(models.TextChoices):
    TEXT = "text", "Text message"
    EMAIL = "email", "E-mail"
    QR = "qr", "QR code"


class DeviceQuerySet(models.QuerySet["Device"]):
    def usable(self) -> "DeviceQuerySet":
        return self.filter(confirmed_at__isnull=False)

    def being_set_up(self) -> "DeviceQuerySet":
        return self.filter(
            confirmed_at=None, created_at__gt=timezone.now() - SET_UP_TIME
        )

    def code_generators(self) -> "DeviceQuerySet":
        return self.filter(type=DeviceType.CODE_GENERATOR)

    def push(self) -> "DeviceQuerySet":
        return self.usable().filter(type=DeviceType.PUSH)


class Device(models.Model):
    """One MFA method of an account; being set up until `confirmed_at`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    account = models.ForeignKey(Account, models.CASCADE, related_name="devices")
    type = models.CharField(max_length=14, choices=DeviceType.choices)
    name = models.CharField(max_length=40)
    secret = models.CharField(max_length=64, blank=True)
    address = models.CharField(max_length=120, blank=True)
    last_step = models.BigIntegerField(default=-1)
    created_at = models.DateTimeField(default=timezone.now)
    confirmed_at = models.DateTimeField(null=True)
    channel = models.CharField(max_length=5, choices=Channel.choices, blank=True)
    link = models.UUIDField(default=uuid.uuid4, unique=True)
    is_installed = models.BooleanField(default=False)
    one_time_code = models.CharField(max_length=6, blank=True)

    objects = DeviceQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def amr(self) -> list[str]:
        return AMR.get(DeviceType(self.type), ["mfa"])


class PhoneAccount(models.Model):
    """What an authenticator app holds for an account that lives somewhere else."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="phone_accounts")
    name = models.CharField(max_length=80)
    secret = models.CharField(max_length=128)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "secret"], name="phoneaccount_secret_once"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Message(models.Model):
    """A text message or an e-mail that never left this machine."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="messages")
    channel = models.CharField(max_length=5, choices=Channel.choices)
    text = models.TextField()
    device = models.ForeignKey(Device, models.SET_NULL, null=True)
    sent_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-sent_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} to {self.account}"


class Consent(models.Model):
    """The account's holder let this client read the identity and the devices."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="consents")
    client_id = models.CharField(max_length=80)
    given_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "client_id"], name="consent_once_per_client"
            )
        ]

    def __str__(self) -> str:
        return self.client_id
