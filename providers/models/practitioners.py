import uuid
from datetime import date

from django.conf import settings
from django.db import models
from django.db.models import Q

from foundation.actors import User
from providers import identifiers
from providers.models.institutions import Institution
from providers.models.practices import Practice


class Schedule(models.TextChoices):
    """Schedules of 21 CFR 1308 that can be prescribed."""

    II = "II", "Schedule II"
    III = "III", "Schedule III"
    IV = "IV", "Schedule IV"
    V = "V", "Schedule V"


class ProviderQuerySet(models.QuerySet["Provider"]):
    def visible_to(self, user: User) -> "ProviderQuerySet":
        """Return the providers of the practices where this user works."""
        return self.filter(
            user__memberships__practice__in=Practice.objects.visible_to(user),
            user__memberships__left_on=None,
        ).distinct()


class Provider(models.Model):
    """An individual practitioner (21 CFR 1300.01) who may be granted access to sign."""

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


class DeaRegistrationQuerySet(models.QuerySet["DeaRegistration"]):
    def current(self, *, on: date) -> "DeaRegistrationQuerySet":
        """Return the registrations that are current, and their institution's too."""
        return self.filter(
            Q(ended_on=None) | Q(ended_on__gt=on),
            Q(institution=None)
            | Q(institution__ended_on=None)
            | Q(institution__ended_on__gt=on),
            Q(institution=None) | Q(institution__expires_on__gte=on),
            expires_on__gte=on,
        )


class DeaRegistration(models.Model):
    """A DEA number for one State and some schedules (21 CFR 1301.13)."""

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
    institution = models.ForeignKey(
        Institution,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="registrations",
        help_text="Only if the DEA number is that of an institution.",
    )
    internal_code = models.CharField(
        max_length=10,
        blank=True,
        validators=[identifiers.validate_internal_code],
        help_text="The practitioner's own code at the institution (21 CFR 1301.22(c)).",
    )

    objects = DeaRegistrationQuerySet.as_manager()

    class Meta:
        verbose_name = "DEA registration"
        ordering = ["state", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["number"],
                condition=Q(institution=None),
                name="dea_registration_number_once",
            ),
            models.UniqueConstraint(
                fields=["institution", "internal_code"],
                condition=Q(institution__isnull=False),
                name="dea_registration_internal_code_once",
            ),
            models.CheckConstraint(
                name="dea_registration_of_institution_has_a_code",
                condition=Q(institution=None, internal_code="")
                | (Q(institution__isnull=False) & ~Q(internal_code="")),
                violation_error_message=(
                    "Enter the internal code together with the institution: one "
                    "without the other is not a registration."
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.as_written} ({self.state})"

    @property
    def as_written(self) -> str:
        """Return the number as prescriptions show it (21 CFR 1301.22(c)(5))."""
        return "-".join(part for part in (self.number, self.internal_code) if part)

    def is_current(self, *, on: date) -> bool:
        if self.institution and not self.institution.is_current(on=on):
            return False
        return self.is_own_part_current(on=on)

    def is_own_part_current(self, *, on: date) -> bool:
        """Return True if it is current, whatever the institution's registration is."""
        return on <= self.expires_on and (self.ended_on is None or on < self.ended_on)

    def covers(self, schedule: str, *, on: date) -> bool:
        """Return True if it allows prescribing this schedule on this day."""
        return self.is_current(on=on) and schedule in self.schedules.split(",")

    @property
    def schedules_in_words(self) -> str:
        return f"Schedules {self.schedules.replace(',', ', ')}"


class StateLicenseQuerySet(models.QuerySet["StateLicense"]):
    def current(self, *, on: date) -> "StateLicenseQuerySet":
        """Return the licenses that are current, and their State registration too."""
        return self.filter(
            Q(registration_expires_on=None) | Q(registration_expires_on__gte=on),
            expires_on__gte=on,
        )


class StateLicense(models.Model):
    """The authority of a State to practice (21 CFR 1311.125(b)).

    Some States also register those who prescribe controlled substances.
    """

    provider = models.ForeignKey(
        Provider, models.PROTECT, related_name="state_licenses"
    )
    state = models.CharField(max_length=2)
    number = models.CharField(max_length=35)
    expires_on = models.DateField()
    registration_number = models.CharField(
        "controlled substance registration",
        max_length=35,
        blank=True,
        help_text="The State's own, where it has one; not the DEA number.",
    )
    registration_expires_on = models.DateField(
        "registration expires on", null=True, blank=True
    )

    objects = StateLicenseQuerySet.as_manager()

    class Meta:
        ordering = ["state"]
        constraints = [
            models.UniqueConstraint(
                fields=["state", "number"], name="state_license_number_once"
            ),
            models.CheckConstraint(
                name="state_license_registration_until_a_day",
                condition=Q(registration_number="", registration_expires_on=None)
                | (
                    ~Q(registration_number="")
                    & Q(registration_expires_on__isnull=False)
                ),
                violation_error_message="Enter a State registration with the day on "
                "which it expires, or neither.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.number}"

    def is_current(self, *, on: date) -> bool:
        return on <= self.expires_on and not self.is_registration_lapsed(on=on)

    def is_registration_lapsed(self, *, on: date) -> bool:
        until = self.registration_expires_on
        return until is not None and until < on
