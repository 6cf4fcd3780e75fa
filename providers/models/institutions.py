import uuid
from datetime import date

from django.db import models

from providers import identifiers
from providers.models.addresses import Address


class Institution(Address):
    """A hospital or clinic under whose DEA number its practitioners prescribe.

    21 CFR 1301.22(c), 1311.130: each practitioner adds an internal code of their own.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=70)
    dea_number = models.CharField(
        "DEA number",
        max_length=9,
        unique=True,
        validators=[identifiers.validate_dea_number],
    )
    expires_on = models.DateField()
    ended_on = models.DateField(
        null=True,
        blank=True,
        help_text="The day it was surrendered, suspended or revoked.",
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def is_current(self, *, on: date) -> bool:
        return on <= self.expires_on and (self.ended_on is None or on < self.ended_on)
