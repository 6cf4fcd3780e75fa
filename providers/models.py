import uuid
from datetime import date

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from providers import identifiers


class Schedule(models.TextChoices):
    """Schedules of 21 CFR 1308 that can be prescribed."""

    II = "II", "Schedule II"
    III = "III", "Schedule III"
    IV = "IV", "Schedule IV"
    V = "V", "Schedule V"


class Role(models.TextChoices):
    PROVIDER = "provider", "Provider"
    AGENT = "agent", "Agent who prepares prescriptions"
    ADMINISTRATOR = "administrator", "Administrator"


class Address(models.Model):
    """Where somebody is; lengths are those of NCPDP SCRIPT, so nothing is cut off."""

    address_line_1 = models.CharField("address", max_length=40)
    address_line_2 = models.CharField("address, second line", max_length=40, blank=True)
    city = models.CharField(max_length=35)
    state = models.CharField(max_length=2, validators=[identifiers.validate_state])
    postal_code = models.CharField(
        "ZIP code", max_length=10, validators=[identifiers.validate_postal_code]
    )

    class Meta:
        abstract = True

    @property
    def address(self) -> str:
        lines = [self.address_line_1, self.address_line_2, self.city]
        street = ", ".join(line for line in lines if line)
        return f"{street}, {self.state} {self.postal_code}"


class PracticeQuerySet(models.QuerySet["Practice"]):
    def visible_to(self, user) -> "PracticeQuerySet":
        return self.filter(memberships__user=user, memberships__left_on=None)


class Practice(Address):
    """A registered location at which controlled substances are prescribed."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=70)
    phone = models.CharField(max_length=20)
    time_zone = models.CharField(
        max_length=40,
        default="America/New_York",
        validators=[identifiers.validate_time_zone],
    )

    objects = PracticeQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def today(self) -> date:
        """Return the calendar day at the practice: the day a prescription is issued."""
        return timezone.localdate(timezone=identifiers.zone(self.time_zone))


class Membership(models.Model):
    """Who works where, and as what; somebody who left keeps the row with its date."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="memberships"
    )
    practice = models.ForeignKey(Practice, models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=15, choices=Role.choices)
    joined_on = models.DateField(default=timezone.localdate)
    left_on = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "practice"],
                condition=Q(left_on=None),
                name="membership_current_once_per_practice",
            ),
            models.CheckConstraint(
                name="membership_role_known", condition=Q(role__in=Role.values)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} at {self.practice}"


class ProviderQuerySet(models.QuerySet["Provider"]):
    def visible_to(self, user) -> "ProviderQuerySet":
        return self.filter(
            user__memberships__practice__in=Practice.objects.visible_to(user),
            user__memberships__left_on=None,
        ).distinct()


class Provider(models.Model):
    """An individual practitioner (21 CFR 1300.01) who may hold the right to sign."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="provider"
    )
    first_name = models.CharField(max_length=35)
    last_name = models.CharField(max_length=35)
    credentials = models.CharField(max_length=20, blank=True)
    npi = models.CharField(
        "NPI", max_length=10, unique=True, validators=[identifiers.validate_npi]
    )

    objects = ProviderQuerySet.as_manager()

    class Meta:
        ordering = ["last_name", "first_name"]

    def __str__(self) -> str:
        name = f"{self.first_name} {self.last_name}"
        return f"{name}, {self.credentials}" if self.credentials else name


class DeaRegistration(models.Model):
    """A DEA number: one State, some schedules, until its expiry (21 CFR 1301.13)."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    provider = models.ForeignKey(
        Provider, models.PROTECT, related_name="dea_registrations"
    )
    practice = models.ForeignKey(
        Practice, models.PROTECT, related_name="dea_registrations"
    )
    number = models.CharField(
        "DEA number", max_length=9, validators=[identifiers.validate_dea_number]
    )
    state = models.CharField(max_length=2)
    schedules = models.CharField(
        max_length=20,
        default="II,III,IV,V",
        validators=[identifiers.validate_schedules],
        help_text="Separated by commas, as on the certificate: II,III,IV,V",
    )
    expires_on = models.DateField()
    ended_on = models.DateField(
        null=True,
        blank=True,
        help_text="The day it was surrendered, suspended or revoked.",
    )

    class Meta:
        verbose_name = "DEA registration"
        ordering = ["state", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["number"], name="dea_registration_number_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} ({self.state})"

    def is_current(self, *, on: date) -> bool:
        return on <= self.expires_on and (self.ended_on is None or on < self.ended_on)

    def covers(self, schedule: str, *, on: date) -> bool:
        """Say whether it allows prescribing this schedule on this day."""
        return self.is_current(on=on) and schedule in self.schedules.split(",")


class StateLicense(models.Model):
    """The authority of a State to practise (21 CFR 1311.125(b))."""

    provider = models.ForeignKey(
        Provider, models.PROTECT, related_name="state_licenses"
    )
    state = models.CharField(max_length=2)
    number = models.CharField(max_length=35)
    expires_on = models.DateField()

    class Meta:
        ordering = ["state"]
        constraints = [
            models.UniqueConstraint(
                fields=["state", "number"], name="state_license_number_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.number}"

    def is_current(self, *, on: date) -> bool:
        return on <= self.expires_on


class AccessGrant(models.Model):
    """The right to sign controlled substances, given and ended (21 CFR 1311.125).

    A provisional grant is one administrator's act; the two-person rule replaces it.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    provider = models.ForeignKey(Provider, models.PROTECT, related_name="access_grants")
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    granted_at = models.DateTimeField()
    is_provisional = models.BooleanField(default=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-granted_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider"],
                condition=Q(revoked_at=None),
                name="access_grant_one_in_force_per_provider",
            ),
            models.CheckConstraint(
                name="access_grant_revoked_by_somebody_at_some_time",
                condition=Q(revoked_at=None, revoked_by=None)
                | Q(
                    revoked_at__isnull=False,
                    revoked_by__isnull=False,
                    revoked_at__gte=F("granted_at"),
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider}: {'revoked' if self.revoked_at else 'in force'}"
