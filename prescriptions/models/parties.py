import uuid
from typing import Self

from django.db import models
from django.db.models import Q
from django.urls import reverse

from foundation.actors import User
from prescriptions import formats
from providers import identifiers
from providers.models import Address, Practice


class Sex(models.TextChoices):
    """The three values of SCRIPT's Gender."""

    FEMALE = "F", "Female"
    MALE = "M", "Male"
    UNKNOWN = "U", "Unknown or not given"


class PracticeOwnedQuerySet(models.QuerySet):
    """Rows that belong to a practice."""

    def visible_to(self, user: User) -> Self:
        return self.filter(practice__in=Practice.objects.visible_to(user))


class Patient(Address):
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    practice = models.ForeignKey(Practice, models.PROTECT, related_name="patients")
    first_name = models.CharField(
        max_length=35, validators=[formats.validate_printable]
    )
    last_name = models.CharField(max_length=35, validators=[formats.validate_printable])
    date_of_birth = models.DateField()
    sex = models.CharField(max_length=1, choices=Sex.choices, default=Sex.UNKNOWN)
    phone = models.CharField(
        max_length=10, blank=True, validators=[identifiers.validate_phone]
    )

    objects = PracticeOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["last_name", "first_name", "pk"]
        constraints = [
            models.CheckConstraint(
                name="patient_sex_known", condition=Q(sex__in=Sex.values)
            ),
            models.CheckConstraint(
                name="patient_named", condition=~Q(first_name="") & ~Q(last_name="")
            ),
        ]

    def __str__(self) -> str:
        return self.full_name

    def get_absolute_url(self) -> str:
        return reverse("patient-detail", args=[self.public_id])

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}"


class Pharmacy(Address):
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    ncpdp_id = models.CharField(
        "NCPDP ID",
        max_length=7,
        unique=True,
        validators=[formats.validate_ncpdp_id],
    )
    npi = models.CharField("NPI", max_length=10, validators=[identifiers.validate_npi])
    name = models.CharField(max_length=70, validators=[formats.validate_printable])
    phone = models.CharField(max_length=10, validators=[identifiers.validate_phone])
    accepts_epcs = models.BooleanField(
        "takes controlled substances electronically", default=True
    )
    schedules = models.CharField(
        "schedules that it fills",
        max_length=20,
        default="II,III,IV,V",
        validators=[identifiers.validate_schedules],
        help_text="Separated by commas: II,III,IV,V",
    )

    class Meta:
        verbose_name_plural = "pharmacies"
        ordering = ["name", "city"]

    def __str__(self) -> str:
        return f"{self.name}, {self.city}"

    def fills(self, schedule: str) -> bool:
        return schedule in self.schedules.split(",")
