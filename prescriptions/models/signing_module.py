from django.db import models
from django.db.models import F, Q


class SigningModule(models.Model):
    """The module that signs; a row for every change (21 CFR 1311.120(b)(16)(i))."""

    found_at = models.DateTimeField()
    store = models.CharField("key store", max_length=10)
    name = models.CharField(max_length=100)
    version = models.CharField(max_length=100)
    is_fips = models.BooleanField("FIPS mode", null=True)
    certificate = models.CharField("certificate claimed", max_length=100, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class SigningDeactivation(models.Model):
    """A period in which the signing key stays locked (21 CFR 1311.120(b)(16)(iv))."""

    deactivated_at = models.DateTimeField()
    reason = models.CharField(max_length=200)
    activated_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="signing_deactivation_ends_after_it_began",
                condition=Q(activated_at=None)
                | Q(activated_at__gte=F("deactivated_at")),
            ),
            models.CheckConstraint(
                name="signing_deactivation_says_why", condition=~Q(reason="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.deactivated_at:%Y-%m-%d %H:%M} {self.reason}"
