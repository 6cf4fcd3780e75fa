import uuid

from django.db import models
from django.db.models import Q

from prescriptions import formats
from providers.models import Schedule


class Drug(models.Model):
    """A controlled product of the formulary; its schedule is the product's own."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    substance = models.CharField(max_length=100)
    # What the pharmacy reads: drug, strength and form (21 CFR 1306.05(a)).
    name = models.CharField(
        "description",
        max_length=105,
        unique=True,
        validators=[formats.validate_printable],
    )
    strength = models.CharField(max_length=70)
    form = models.CharField("dosage form", max_length=70)
    schedule = models.CharField(max_length=3, choices=Schedule.choices)
    dea_code = models.CharField("DEA code", max_length=4, blank=True)
    narcotic = models.BooleanField(default=False)
    ndc = models.CharField(
        "NDC", max_length=11, blank=True, validators=[formats.validate_ndc]
    )
    unit = models.CharField("quantity unit", max_length=20)
    unit_code = models.CharField(
        "NCI code of the unit", max_length=7, validators=[formats.validate_unit_code]
    )
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                name="drug_schedule_known", condition=Q(schedule__in=Schedule.values)
            ),
            models.CheckConstraint(
                name="drug_described",
                condition=~Q(name="") & ~Q(strength="") & ~Q(form=""),
            ),
        ]

    def __str__(self) -> str:
        return self.name
