import hashlib
import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django_otp.models import Device as OTPDevice
from django_otp.models import DeviceManager, ThrottlingMixin, TimestampMixin

from mfa import totp, vault


class Kind(models.TextChoices):
    """What a device is; only some may sign (21 CFR 1311.115, NIST SP 800-63B)."""

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


class Retirement(models.TextChoices):
    """Why a device is out of use: only what its owner removed never comes back."""

    REMOVED = "removed", "Removed in the portal"
    VANISHED = "vanished", "No longer listed by ID.me"


class Purpose(models.TextChoices):
    """What a challenge authorises; one for one purpose is worthless for another."""

    SIGN = "sign", "Sign prescriptions"
    SELECT_PRIMARY = "select_primary", "Select the primary device"
    ADD_DEVICE = "add_device", "Add a device"
    RETIRE_DEVICE = "retire_device", "Remove a device"
    ADMINISTER = "administer", "Enter the administration site"


class IdmeAccount(models.Model):
    """The one ID.me account of a user, known by issuer and subject, never by e-mail."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="idme_account"
    )
    issuer = models.CharField(max_length=255)
    subject = models.CharField(max_length=255)
    email = models.EmailField(blank=True)
    first_name = models.CharField(max_length=150, blank=True)
    last_name = models.CharField(max_length=150, blank=True)
    identity_assurance = models.PositiveSmallIntegerField("IAL")
    authenticator_assurance = models.PositiveSmallIntegerField("AAL")
    linked_at = models.DateTimeField(default=timezone.now)
    authenticated_at = models.DateTimeField()
    devices_refreshed_at = models.DateTimeField(null=True)
    sealed_refresh_token = models.TextField(blank=True, editable=False)
    refresh_token_expires_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = "ID.me account"
        constraints = [
            models.UniqueConstraint(
                fields=["issuer", "subject"], name="idme_account_linked_once"
            ),
            models.CheckConstraint(
                name="idme_account_subject_present", condition=~Q(subject="")
            ),
        ]

    def __str__(self) -> str:
        return f"ID.me account of {self.user}"

    @property
    def is_identity_proofed(self) -> bool:
        """Say whether 21 CFR 1311.105(a)(1) is met: IAL2 and AAL2 (see docs/adr)."""
        return self.identity_assurance >= 2 and self.authenticator_assurance >= 2

    def set_refresh_token(self, token: str) -> None:
        self.sealed_refresh_token = vault.seal(token.encode(), **self._place())

    def refresh_token(self) -> str:
        """Return the token in clear; raise vault.CannotUnseal. Never show or log it."""
        return vault.unseal(self.sealed_refresh_token, **self._place()).decode()

    def reseal(self) -> None:
        self.set_refresh_token(self.refresh_token())
        self.save(update_fields=["sealed_refresh_token"])

    def _place(self) -> dict[str, str]:
        return {
            "table": "mfa_idmeaccount",
            "column": "sealed_refresh_token",
            "row": f"{self.user_id}:{self.public_id}",
        }


class DeviceQuerySet(models.QuerySet["Device"]):
    def visible_to(self, user) -> "DeviceQuerySet":
        return self.filter(user=user)

    def listed(self) -> "DeviceQuerySet":
        return self.filter(confirmed=True, retired_at=None)

    def usable(self) -> "DeviceQuerySet":
        return self.listed().filter(kind__in=SIGNING_KINDS, disabled_at=None)

    def code_generators(self) -> "DeviceQuerySet":
        return self.usable().filter(kind=Kind.CODE_GENERATOR)


class Device(TimestampMixin, ThrottlingMixin, OTPDevice):
    """Something a user has; retired ones stay, because the record speaks of them.

    `name` is the nickname: it is for people and means nothing to security.
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
    is_primary = models.BooleanField(default=False)
    last_step = models.BigIntegerField(default=-1, editable=False)
    burned_step = models.BigIntegerField(default=-1, editable=False)
    clock_offset = models.SmallIntegerField(default=0, editable=False)
    locked_until = models.DateTimeField(null=True, editable=False)
    failures_since_success = models.PositiveIntegerField(default=0, editable=False)
    disabled_at = models.DateTimeField(null=True, editable=False)
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
            # RFC 4226 7.5: a secret on two devices is two people's secret.
            models.UniqueConstraint(
                fields=["seed_fingerprint"],
                condition=~Q(seed_fingerprint=""),
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

    def verify_token(self, token) -> bool:
        """Refuse: codes are verified by `mfa.challenges` and nowhere else."""
        return False

    def get_throttle_factor(self) -> int:
        return 1

    @property
    def may_sign(self) -> bool:
        return self.kind in SIGNING_KINDS

    @property
    def clock_is_off(self) -> bool:
        """Say whether its last code came from as far off as is still accepted."""
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
    """Failed factors of one user over all devices, so that more devices mean no more guesses."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="mfa_throttle"
    )
    throttling_failure_timestamp = models.DateTimeField(null=True)
    throttling_failure_count = models.PositiveIntegerField(default=0)
    failures_since_success = models.PositiveIntegerField(default=0)
    locked_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"Throttle of {self.user}"


class ChallengeState(models.TextChoices):
    OPEN = "open", "Waiting for the device"
    PASSED = "passed", "Passed, not used yet"
    REFUSED = "refused", "Refused"
    CONSUMED = "consumed", "Used"


class Challenge(models.Model):
    """Two factors asked for one purpose and one content, in one session, used once."""

    CONSUME_WITHIN = timedelta(minutes=2)

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="challenges"
    )
    device = models.ForeignKey(Device, models.PROTECT, related_name="challenges")
    purpose = models.CharField(max_length=20, choices=Purpose.choices)
    payload_digest = models.CharField(max_length=64)
    session_digest = models.CharField(max_length=64)
    state = models.CharField(
        max_length=10, choices=ChallengeState.choices, default=ChallengeState.OPEN
    )
    started_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    consumed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            models.CheckConstraint(
                name="challenge_state_known",
                condition=Q(state__in=ChallengeState.values),
            ),
            models.CheckConstraint(
                name="challenge_purpose_known", condition=Q(purpose__in=Purpose.values)
            ),
            models.CheckConstraint(
                name="challenge_consumed_once_passed",
                condition=Q(
                    state=ChallengeState.CONSUMED,
                    consumed_at__isnull=False,
                    answered_at__isnull=False,
                )
                | (~Q(state=ChallengeState.CONSUMED) & Q(consumed_at=None)),
            ),
            models.CheckConstraint(
                name="challenge_expires_after_it_started",
                condition=Q(expires_at__gt=F("started_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} ({self.get_state_display()})"


def session_digest(session_key: str) -> str:
    """Return what is stored of a session: enough to recognise it, not to steal it."""
    if not session_key:
        raise ValueError("A challenge belongs to a session.")
    return hashlib.sha256(session_key.encode()).hexdigest()
