from typing import TypeVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from foundation.actors import User
from providers.models.institutions import Institution
from providers.models.practices import Practice

IS_CURRENT = Q(until=None)
ENDS_AFTER_IT_BEGINS = IS_CURRENT | Q(until__gte=F("since"))

_Appointment = TypeVar("_Appointment", bound="Appointment")


class AppointmentQuerySet(models.QuerySet[_Appointment]):
    def current(self) -> "AppointmentQuerySet[_Appointment]":
        return self.filter(IS_CURRENT)

    def end(self, *, by: User) -> int:
        """End the current ones now; return how many there were."""
        return self.current().update(until=timezone.now(), ended_by=by)


class Appointment(models.Model):
    """A duty that a person holds, from when until when (21 CFR 1311.130(c)).

    Without `named_by`, the operator appointed them.
    """

    named_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    since = models.DateTimeField()
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    until = models.DateTimeField(null=True)

    class Meta:
        abstract = True
        ordering = ["since", "pk"]


class Designee(Appointment):
    """An access manager of a practice (21 CFR 1311.125(a), 1311.130(b))."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="designations"
    )
    practice = models.ForeignKey(Practice, models.PROTECT, related_name="designees")
    since = models.DateTimeField(default=timezone.now)

    objects = AppointmentQuerySet["Designee"].as_manager()

    class Meta(Appointment.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["user", "practice"],
                condition=IS_CURRENT,
                name="designee_current_once_per_practice",
            ),
            models.CheckConstraint(
                name="designee_ends_after_the_beginning",
                condition=ENDS_AFTER_IT_BEGINS,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} at {self.practice}"


class CredentialingOfficer(Appointment):
    """A member of an institution's credentialing office (21 CFR 1311.130(a)).

    Not the office that manages access.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="credentialing_offices"
    )
    institution = models.ForeignKey(
        Institution, models.PROTECT, related_name="credentialing_officers"
    )

    objects = AppointmentQuerySet["CredentialingOfficer"].as_manager()

    class Meta(Appointment.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["user", "institution"],
                condition=IS_CURRENT,
                name="credentialing_officer_current_once",
            ),
            models.CheckConstraint(
                name="credentialing_officer_ends_after_the_beginning",
                condition=ENDS_AFTER_IT_BEGINS,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} at {self.institution}"
