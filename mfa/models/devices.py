import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django_otp.models import Device as OTPDevice
from django_otp.models import DeviceManager, ThrottlingMixin, TimestampMixin

from audit.reasons import ReasonChoices
from foundation.actors import User
from mfa import totp, vault


class Kind(models.TextChoices):
    """Kind of a device; only some may sign (21 CFR 1311.115, NIST SP 800-63B)."""

    CODE_GENERATOR = "totp", "Code generator"
    PUSH = "push", "Push notification"
    TEXT = "text", "Text message"
    PHONE = "phone", "Phone call"
    EMAIL = "email", "E-mail"
    PASSKEY = "passkey", "Passkey"
    OTHER = "other", "Other method"


SIGNING_KINDS = [Kind.CODE_GENERATOR, Kind.PUSH]


class Source(models.TextChoices):
    IDME = "idme", "ID.me"
    PORTAL = "portal", "This portal"


class Retirement(ReasonChoices):
    """Why a device was retired; one that its owner removed never comes back."""

    REMOVED = "removed", "Removed in the portal"
    VANISHED = "vanished", "No longer listed by ID.me"
    UNLINKED = "unlinked", "Its ID.me account was unlinked"


class DeviceQuerySet(models.QuerySet["Device"]):
    def visible_to(self, user: User) -> "DeviceQuerySet":
        return self.filter(user=user)

    def listed(self) -> "DeviceQuerySet":
        return self.filter(confirmed=True, retired_at=None)

    def usable(self) -> "DeviceQuerySet":
        return self.listed().filter(kind__in=SIGNING_KINDS, disabled_at=None)

    def code_generators(self) -> "DeviceQuerySet":
        return self.usable().filter(kind=Kind.CODE_GENERATOR)


class Device(TimestampMixin, ThrottlingMixin, OTPDevice):
    """A factor that a user has; retired devices stay, because the record names them.

    `name` is the nickname: it is for people and never decides anything.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="mfa_devices"
    )
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    confirmed = models.BooleanField(default=False)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    source = models.CharField(max_length=10, choices=Source.choices)
    external_id = models.CharField(max_length=100, blank=True, editable=False)
    sealed_seed = models.TextField(blank=True, editable=False)
    seed_fingerprint = models.CharField(max_length=64, blank=True, editable=False)
    public_key = models.TextField(blank=True, editable=False)  # of a phone; a JWK
    pairing_digest = models.CharField(max_length=64, blank=True, editable=False)
    is_primary = models.BooleanField(default=False)
    last_step = models.BigIntegerField(default=-1, editable=False)
    burned_step = models.BigIntegerField(default=-1, editable=False)
    clock_offset = models.SmallIntegerField(default=0, editable=False)
    locked_until = models.DateTimeField(null=True, editable=False)
    failed_before = models.DateTimeField(null=True, editable=False)
    failures_since_success = models.PositiveIntegerField(default=0, editable=False)
    disabled_at = models.DateTimeField(null=True, editable=False)
    # Set until another primary is selected, so that every page can warn.
    lost_primary_at = models.DateTimeField(null=True, editable=False)
    retired_at = models.DateTimeField(null=True, editable=False)
    retired_because = models.CharField(
        max_length=10, choices=Retirement.choices, blank=True, editable=False
    )
    enrolment_session = models.CharField(max_length=64, blank=True, editable=False)

    objects = DeviceManager.from_queryset(DeviceQuerySet)()

    class Meta:
        ordering = ["-is_primary", "created_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(is_primary=True),
                name="device_one_primary_per_user",
            ),
            models.CheckConstraint(
                name="device_primary_is_confirmed_kept_and_may_sign",
                condition=Q(is_primary=False)
                | Q(
                    confirmed=True,
                    retired_at__isnull=True,
                    disabled_at__isnull=True,
                    kind__in=SIGNING_KINDS,
                ),
            ),
            models.UniqueConstraint(
                "user",
                Lower("name"),
                condition=Q(retired_at=None, confirmed=True),
                name="device_nickname_unique_per_user",
                violation_error_message="You have a device with that nickname.",
            ),
            models.UniqueConstraint(
                fields=["user", "external_id"],
                condition=Q(source=Source.IDME, retired_at=None),
                name="device_of_idme_listed_once",
            ),
            models.CheckConstraint(
                name="device_kind_known", condition=Q(kind__in=Kind.values)
            ),
            models.CheckConstraint(
                name="device_retired_for_a_reason",
                condition=Q(retired_at=None, retired_because="")
                | Q(retired_at__isnull=False, retired_because__in=Retirement.values),
            ),
            models.CheckConstraint(
                name="device_source_known", condition=Q(source__in=Source.values)
            ),
            models.CheckConstraint(
                name="device_code_generator_has_a_seed",
                condition=~Q(kind=Kind.CODE_GENERATOR)
                | (~Q(sealed_seed="") & ~Q(seed_fingerprint="")),
            ),
            models.CheckConstraint(
                name="device_paired_phone_has_a_key",
                condition=~Q(kind=Kind.PUSH, source=Source.PORTAL, confirmed=True)
                | ~Q(public_key=""),
            ),
            models.UniqueConstraint(
                fields=["public_key"],
                condition=~Q(public_key=""),
                name="device_key_on_one_device_only",
            ),
            models.UniqueConstraint(
                fields=["pairing_digest"],
                condition=~Q(pairing_digest=""),
                name="device_pairing_token_unique",
            ),
            # RFC 4226 7.5: a secret must not be shared between devices.
            models.UniqueConstraint(
                fields=["seed_fingerprint"],
                # The account may be linked to another user now, with its devices.
                condition=~Q(seed_fingerprint="")
                & ~Q(retired_because=Retirement.UNLINKED),
                name="device_seed_on_one_device_only",
            ),
            models.CheckConstraint(
                name="device_clock_offset_clamped",
                condition=Q(
                    clock_offset__gte=-totp.MAX_OFFSET,
                    clock_offset__lte=totp.MAX_OFFSET,
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.get_kind_display()

    def verify_token(self, token: str) -> bool:
        """Return False: no code is ever verified through django-otp."""
        return False

    def get_throttle_factor(self) -> int:
        return 1

    @property
    def may_sign(self) -> bool:
        return self.kind in SIGNING_KINDS

    @property
    def is_listed(self) -> bool:
        return self.confirmed and self.retired_at is None

    @property
    def is_usable(self) -> bool:
        return self.is_listed and self.may_sign and self.disabled_at is None

    @property
    def clock_is_off(self) -> bool:
        """Return True if the last code was as far off as is still accepted."""
        return abs(self.clock_offset) >= totp.MAX_OFFSET

    @property
    def is_locked(self) -> bool:
        return self.locked_until is not None and self.locked_until > timezone.now()

    def set_seed(self, seed: bytes) -> None:
        self.sealed_seed = vault.seal(seed, **self._place())
        self.seed_fingerprint = vault.fingerprint(seed)

    def seed(self) -> bytes:
        """Return the seed in clear; raise vault.CannotUnseal. Never show or log it."""
        return vault.unseal(self.sealed_seed, **self._place())

    def reseal(self) -> None:
        self.set_seed(self.seed())
        self.save(update_fields=["sealed_seed", "seed_fingerprint"])

    def _place(self) -> dict[str, str]:
        return {
            "table": "mfa_device",
            "column": "sealed_seed",
            "row": f"{self.user_id}:{self.public_id}",
        }


class UserThrottle(models.Model):
    """Failed factors of a user over all devices: more devices, no more guesses.

    Made with the account; without it, nothing is verified.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="mfa_throttle"
    )
    throttling_failure_timestamp = models.DateTimeField(null=True)
    # The timestamp before the attempt that is counted now, for when that one succeeds.
    failed_before = models.DateTimeField(null=True)
    throttling_failure_count = models.PositiveIntegerField(default=0)
    failures_since_success = models.PositiveIntegerField(default=0)
    locked_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"Throttle of {self.user}"

    @property
    def is_locked(self) -> bool:
        return self.locked_until is not None and self.locked_until > timezone.now()
