import uuid

from django.db import models
from django.db.models import Q

from prescriptions import formats
from providers.models import Schedule


class DrugSource(models.TextChoices):
    FORMULARY = "formulary", "Formulary of the portal"
    NDC = "ndc", "FDA's NDC directory"


class DrugQuerySet(models.QuerySet["Drug"]):
    def prescribable(self) -> "DrugQuerySet":
        return self.filter(is_active=True, unavailable="")


class Drug(models.Model):
    """A substance, strength and form as a prescriber orders it, of any labeler.

    The products of many labelers may belong to one drug; all share its schedule.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    substance = models.CharField(max_length=255)
    # As the pharmacy reads it: drug, strength and form (21 CFR 1306.05(a)).
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
    # A representative package of any labeler, so that other systems find the drug.
    ndc = models.CharField(
        "NDC", max_length=11, blank=True, validators=[formats.validate_ndc]
    )
    unit = models.CharField("quantity unit", max_length=20)
    unit_code = models.CharField(
        "NCI code of the unit", max_length=7, validators=[formats.validate_unit_code]
    )
    is_active = models.BooleanField(default=True)
    source = models.CharField(
        max_length=9,
        choices=DrugSource.choices,
        default=DrugSource.FORMULARY,
        editable=False,
    )
    # Ingredients with strengths, and form, in one order and spelling.
    key = models.CharField(max_length=400, unique=True, null=True, editable=False)  # noqa: DJ001
    brands = models.CharField("brand names", max_length=200, blank=True)
    unavailable = models.CharField(
        "cannot be prescribed because",
        max_length=200,
        blank=True,
        editable=False,
    )

    objects = DrugQuerySet.as_manager()

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
            models.CheckConstraint(
                name="drug_source_known", condition=Q(source__in=DrugSource.values)
            ),
            models.CheckConstraint(
                name="drug_counted_in_a_unit_if_available",
                condition=~Q(unavailable="") | (~Q(unit="") & ~Q(unit_code="")),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_prescribable(self) -> bool:
        return self.is_active and not self.unavailable


class DrugWord(models.Model):
    """A search word of a drug."""

    drug = models.ForeignKey(Drug, models.CASCADE, related_name="words")
    # Bytes, because both databases sort them the same way: a prefix is a range.
    word = models.BinaryField(max_length=40)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["drug", "word"], name="drug_word_once_for_a_drug"
            )
        ]
        indexes = [models.Index(fields=["word", "drug"], name="drug_word_finds_drugs")]

    def __str__(self) -> str:
        return bytes(self.word).decode()
