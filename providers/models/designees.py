from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from providers.models.practices import Practice


class Designee(models.Model):
    """Who sets the access controls of a practice, from when until when.

    21 CFR 1311.125(a), 1311.130(c). Without `named_by`, the operator named them.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="designations"
    )
    practice = models.ForeignKey(Practice, models.PROTECT, related_name="designees")
    named_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    since = models.DateTimeField(default=timezone.now)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["since", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "practice"],
                condition=Q(until=None),
                name="designee_current_once_per_practice",
            ),
            models.CheckConstraint(
                name="designee_ends_after_the_beginning",
                condition=Q(until=None) | Q(until__gte=F("since")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} at {self.practice}"
