import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from foundation.actors import User
from providers.models import Practice


class SigningStopQuerySet(models.QuerySet["SigningStop"]):
    def in_force(self) -> "SigningStopQuerySet":
        return self.filter(restored_at=None)

    def affecting(self, user: User) -> "SigningStopQuerySet":
        """Return the stops that keep this user from signing."""
        practices = Practice.objects.visible_to(user).values("pk")
        return self.in_force().filter(Q(practice=None) | Q(practice__in=practices))


class SigningStop(models.Model):
    """A stop of signing, everywhere or at one practice (21 CFR 1311.102(f)-(i)).

    One responsible person stops signing. Two restore it: one requests it, and an
    access manager who is a DEA registrant approves.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    practice = models.ForeignKey(
        Practice, models.PROTECT, null=True, related_name="signing_stops"
    )
    stopped_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    stopped_at = models.DateTimeField()
    reason = models.CharField(max_length=200)
    fixed_in = models.CharField(
        "version required before use", max_length=40, blank=True
    )
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    entered_at = models.DateTimeField(null=True)
    remedy = models.CharField("what was mended", max_length=200, blank=True)
    restored_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    restored_at = models.DateTimeField(null=True)

    objects = SigningStopQuerySet.as_manager()

    class Meta:
        ordering = ["-stopped_at"]
        constraints = [
            models.CheckConstraint(
                name="signing_stop_says_why", condition=~Q(reason="")
            ),
            models.CheckConstraint(
                name="signing_stop_entered_by_somebody_with_a_remedy",
                condition=Q(entered_by=None, entered_at=None, remedy="")
                | (
                    Q(entered_by__isnull=False, entered_at__isnull=False)
                    & ~Q(remedy="")
                ),
            ),
            models.CheckConstraint(
                name="signing_stop_restored_by_a_second_person",
                condition=Q(restored_by=None, restored_at=None)
                | (
                    Q(restored_by__isnull=False, restored_at__isnull=False)
                    & Q(restored_at__gte=F("entered_at"))
                    & ~Q(restored_by=F("entered_by"))
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"Stop of {self.stopped_at:%Y-%m-%d %H:%M} at {self.where}"

    def get_absolute_url(self) -> str:
        return reverse("signing-stop", args=[self.public_id])

    @property
    def where(self) -> str:
        return self.practice.name if self.practice else "every practice"
