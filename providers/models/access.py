import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from providers.models.practitioners import Provider


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
