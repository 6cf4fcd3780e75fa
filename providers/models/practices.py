import uuid
from datetime import date

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from providers import identifiers


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
