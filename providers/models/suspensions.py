from django.conf import settings
from django.db import models
from django.db.models import Q

from audit.reasons import ReasonChoices
from mfa.models import Device
from providers.models.access import AccessGrant


class Cause(ReasonChoices):
    """Why access is suspended on the day (21 CFR 1311.125(d), 1311.130(d))."""

    LOST = "lost", "A device was lost"
    STOLEN = "stolen", "A device was stolen"
    COMPROMISED = "compromised", "A password or device may be in other hands"
    DEA_EXPIRED = "dea_expired", "The DEA registration expired"
    DEA_ENDED = "dea_ended", "The DEA registration ended"
    LICENSE_EXPIRED = "license_expired", "The State license or registration expired"
    LEFT = "left", "No longer works at the practice"
    INSTITUTION = "institution", "The institution's DEA registration is not current"
    NOT_LISTED = "not_listed", "No longer on the institution's list"
    END_ENTERED = "end_entered", "A designee entered that it ends"
    REPUDIATED = "repudiated", "A prescription was reported as not signed"


class Suspension(models.Model):
    """A stop of an access grant, effective at once (21 CFR 1311.125(d)).

    A suspension is never lifted: two people approve a new grant instead.
    """

    grant = models.ForeignKey(AccessGrant, models.PROTECT, related_name="suspensions")
    cause = models.CharField(max_length=20, choices=Cause.choices)
    at = models.DateTimeField()
    reported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    device = models.ForeignKey(Device, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["grant", "cause"], name="suspension_once_per_cause"
            ),
            models.CheckConstraint(
                name="suspension_cause_known", condition=Q(cause__in=Cause.values)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.grant.provider}: {self.get_cause_display()}"
