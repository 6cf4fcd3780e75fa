import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from foundation.actors import User
from providers.models.institutions import Institution
from providers.models.practitioners import Provider


class ListingQuerySet(models.QuerySet["Listing"]):
    def current(self) -> "ListingQuerySet":
        return self.filter(ended_at=None)

    def approved(self) -> "ListingQuerySet":
        return self.current().filter(second_approved_by__isnull=False)

    def visible_to(self, user: User) -> "ListingQuerySet":
        """Return the listings of the institutions whose officer this user is."""
        return self.filter(
            institution__credentialing_officers__user=user,
            institution__credentialing_officers__until=None,
        )


class Listing(models.Model):
    """The approval of a practitioner to prescribe under an institution's DEA number.

    21 CFR 1311.110(a), 1311.130(a): what was checked, and the two officers who approved it.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    institution = models.ForeignKey(
        Institution, models.PROTECT, related_name="listings"
    )
    provider = models.ForeignKey(Provider, models.PROTECT, related_name="listings")
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    entered_at = models.DateTimeField()
    # What an officer checked in person (21 CFR 1311.110(a)(1)-(3)).
    photo_id = models.CharField("kind of photo identification", max_length=60)
    state_authority = models.CharField("State license, as seen", max_length=60)
    privileges = models.CharField("privileges, as granted", max_length=60)
    first_approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    first_approved_at = models.DateTimeField(null=True)
    second_approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    second_approved_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    ended_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=200, blank=True)

    objects = ListingQuerySet.as_manager()

    class Meta:
        ordering = ["provider__last_name", "-entered_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["institution", "provider"],
                condition=Q(ended_at=None),
                name="listing_current_once",
            ),
            models.CheckConstraint(
                name="listing_approved_by_two",
                condition=Q(second_approved_by=None)
                | (
                    Q(first_approved_by__isnull=False)
                    & ~Q(first_approved_by=F("second_approved_by"))
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} at {self.institution}"

    @property
    def is_approved(self) -> bool:
        return self.second_approved_by_id is not None and self.ended_at is None
