import uuid
from datetime import date

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from foundation.actors import User
from providers import identifiers
from providers.models.addresses import Address
from providers.models.institutions import Institution


class Role(models.TextChoices):
    PROVIDER = "provider", "Provider"
    AGENT = "agent", "Agent who prepares prescriptions"
    ADMINISTRATOR = "administrator", "Administrator"


class PracticeQuerySet(models.QuerySet["Practice"]):
    def visible_to(self, user: User) -> "PracticeQuerySet":
        """Return the practices where this user works."""
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
    institution = models.ForeignKey(
        Institution,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="practices",
        help_text="The institution that this location belongs to, if there is one.",
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
    """Who works where, in which role; the row of somebody who left stays, dated."""

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
