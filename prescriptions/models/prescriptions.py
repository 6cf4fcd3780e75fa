import uuid
from datetime import date
from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxLengthValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from prescriptions import dates, formats
from prescriptions.models.drugs import Drug
from prescriptions.models.parties import Patient, Pharmacy, PracticeOwnedQuerySet
from prescriptions.models.statuses import ON_ITS_WAY, OPEN, SINCE_SIGNING, Status
from providers.models import DeaRegistration, Practice, Provider, Schedule


class Prescription(models.Model):
    """An order for one controlled substance; never changed once signed."""

    CONTENT = [  # entered by people; all other columns are set by the verbs
        "prescriber",
        "dea_registration",
        "drug",
        "quantity",
        "days_supply",
        "directions",
        "refills",
        "earliest_fill_on",
        "note",
        "substitutions_allowed",
        "pharmacy",
        "partial_fill_quantity",
        "emergency_oral_on",
        "supervisor",
    ]

    SHOWN_WITH = [  # related rows that every page about it needs
        "patient",
        "drug",
        "prescriber__user",
        "supervisor",
        "practice",
        "pharmacy",
        "dea_registration__institution",
        "prepared_by",
    ]

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    practice = models.ForeignKey(
        Practice, models.PROTECT, related_name="prescriptions", editable=False
    )
    patient = models.ForeignKey(
        Patient, models.PROTECT, related_name="prescriptions", editable=False
    )
    prescriber = models.ForeignKey(
        Provider, models.PROTECT, related_name="prescriptions"
    )
    prepared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", editable=False
    )
    dea_registration = models.ForeignKey(
        DeaRegistration,
        models.PROTECT,
        null=True,
        blank=True,
        verbose_name="DEA registration",
        related_name="prescriptions",
    )
    # Named as such where State law requires it (21 CFR 1311.135(c)).
    supervisor = models.ForeignKey(
        Provider,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="supervised_prescriptions",
    )
    drug = models.ForeignKey(Drug, models.PROTECT, related_name="prescriptions")
    schedule = models.CharField(
        max_length=3, choices=Schedule.choices, editable=False
    )  # of the drug, when this was prepared
    quantity = models.DecimalField(
        max_digits=9,
        decimal_places=3,
        validators=[MinValueValidator(Decimal("0.001"), "Enter how much to dispense.")],
    )
    # 21 CFR 1306.13(b): for each partial fill that the prescriber requests.
    partial_fill_quantity = models.DecimalField(
        "quantity of each partial fill",
        max_digits=9,
        decimal_places=3,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.001"), "Enter how much at a time.")],
    )
    days_supply = models.PositiveSmallIntegerField(
        "days’ supply", null=True, blank=True, validators=[MinValueValidator(1)]
    )
    refills = models.PositiveSmallIntegerField(default=0)
    directions = models.TextField(
        max_length=formats.DIRECTIONS_LENGTH,
        validators=[
            MaxLengthValidator(formats.DIRECTIONS_LENGTH),
            formats.validate_printable,
        ],
    )
    note = models.CharField(
        "note to the pharmacist",
        max_length=formats.NOTE_LENGTH,
        blank=True,
        validators=[formats.validate_printable],
    )
    substitutions_allowed = models.BooleanField(default=True)
    pharmacy = models.ForeignKey(Pharmacy, models.PROTECT, related_name="prescriptions")
    earliest_fill_on = models.DateField("earliest fill date", null=True, blank=True)
    # 21 CFR 1306.11(d)(4): the written prescription that follows an emergency order.
    emergency_oral_on = models.DateField(
        "date of the emergency oral order", null=True, blank=True
    )
    status = models.CharField(
        max_length=12, choices=Status.choices, default=Status.DRAFT, editable=False
    )
    version = models.PositiveIntegerField(default=1, editable=False)
    ready_digest = models.CharField(max_length=64, blank=True, editable=False)
    ready_at = models.DateTimeField(null=True, editable=False)
    ready_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        editable=False,
    )
    issued_on = models.DateField(
        null=True, editable=False
    )  # in the practice's time zone
    signed_at = models.DateTimeField(null=True, editable=False)
    failure_reason = models.CharField(max_length=200, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = PracticeOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            # For the logs of 21 CFR 1311.120(b)(27).
            models.Index(fields=["practice", "issued_on"], name="prescription_issued")
        ]
        constraints = [
            models.CheckConstraint(
                name="prescription_status_known", condition=Q(status__in=Status.values)
            ),
            models.CheckConstraint(
                name="prescription_schedule_known",
                condition=Q(schedule__in=Schedule.values),
            ),
            models.CheckConstraint(
                name="prescription_quantity_positive", condition=Q(quantity__gt=0)
            ),
            models.CheckConstraint(
                name="prescription_days_supply_positive",
                condition=Q(days_supply=None) | Q(days_supply__gt=0),
            ),
            models.CheckConstraint(
                name="prescription_partial_fill_positive",
                condition=Q(partial_fill_quantity=None)
                | Q(partial_fill_quantity__gt=0),
            ),
            # 21 CFR 1306.11(d), 1306.13(b).
            models.CheckConstraint(
                name="prescription_emergency_and_partial_fill_of_schedule_ii",
                condition=Q(status__in=[Status.DRAFT, Status.DISCARDED])
                | Q(schedule=Schedule.II)
                | Q(partial_fill_quantity=None, emergency_oral_on=None),
            ),
            # SCRIPT carries two digits.
            models.CheckConstraint(
                name="prescription_refills_countable",
                condition=Q(refills__lte=99),
                violation_error_message="Write a new prescription after 99 refills.",
            ),
            # 21 CFR 1306.12(a), 1306.22(a). A draft may be wrong; it is never sent.
            models.CheckConstraint(
                name="prescription_refills_within_schedule",
                condition=Q(status__in=[Status.DRAFT, Status.DISCARDED])
                | Q(schedule=Schedule.II, refills=0)
                | Q(schedule__in=[Schedule.III, Schedule.IV], refills__lte=5)
                | Q(schedule=Schedule.V),
            ),
            models.CheckConstraint(
                name="prescription_registration_chosen_once_ready",
                condition=Q(status__in=[Status.DRAFT, Status.DISCARDED, Status.PRINTED])
                | Q(dea_registration__isnull=False),
            ),
            models.CheckConstraint(
                name="prescription_digest_kept_from_ready_on",
                condition=Q(status=Status.PRINTED)
                | Q(
                    status__in=[Status.DRAFT, Status.DISCARDED],
                    ready_digest="",
                    ready_at=None,
                    ready_by=None,
                )
                | (
                    Q(
                        status__in=[Status.READY, *SINCE_SIGNING],
                        ready_at__isnull=False,
                        ready_by__isnull=False,
                    )
                    & ~Q(ready_digest="")
                ),
            ),
            models.CheckConstraint(
                name="prescription_dated_when_signed",
                condition=Q(status=Status.PRINTED)
                | Q(
                    status__in=[*OPEN, Status.DISCARDED], issued_on=None, signed_at=None
                )
                | Q(
                    status__in=SINCE_SIGNING,
                    issued_on__isnull=False,
                    signed_at__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="prescription_failure_has_a_reason",
                condition=~Q(status=Status.FAILED) | ~Q(failure_reason=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.drug} for {self.patient}"

    def get_absolute_url(self) -> str:
        return reverse("prescription-detail", args=[self.public_id])

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    def unmark(self) -> None:
        """Remove the ready mark and make this a draft again; the caller saves it."""
        self.status = Status.DRAFT
        self.ready_digest, self.ready_at, self.ready_by = "", None, None
        self.version += 1
        self.updated_at = timezone.now()

    @property
    def is_on_its_way(self) -> bool:
        return self.status in ON_ITS_WAY

    @property
    def is_cancellation_denied(self) -> bool:
        """Return True if it was canceled here but the pharmacy denied that."""
        cancellation = getattr(self, "cancellation", None)
        return cancellation is not None and cancellation.is_approved is False

    @property
    def issue_date(self) -> date:
        """Return the day it was signed, or today's date until it is."""
        return self.issued_on or self.practice.today()

    @property
    def last_fill_day(self) -> date | None:
        """Return the last day to fill it, or None if federal law sets none."""
        if self.schedule in (Schedule.III, Schedule.IV):
            return dates.last_fill_day(self.issue_date)
        return None

    @cached_property
    def supervisor_registration(self) -> DeaRegistration | None:
        """Return the supervisor's only current registration in this State, or None."""
        if self.supervisor is None:
            return None
        registrations = self.supervisor.dea_registrations.filter(
            state=self.practice.state
        ).select_related("institution")
        current = [
            registration
            for registration in registrations
            if registration.is_current(on=self.issue_date)
        ]
        return current[0] if len(current) == 1 else None

    @property
    def quantity_in_words(self) -> str:
        return self._in_words(self.quantity)

    @property
    def partial_fill_in_words(self) -> str:
        part = self.partial_fill_quantity
        return "" if part is None else self._in_words(part)

    def _in_words(self, quantity: Decimal) -> str:
        return in_words(plain(quantity), self.drug.unit)


MANY = {"mL": "mL", "g": "g", "each": "each", "patch": "patches"}


def in_words(quantity: str, unit: str) -> str:
    """Return a quantity with its unit for people; signed content keeps the unit."""
    return f"{quantity} {unit if quantity == '1' else MANY.get(unit, f'{unit}s')}"


def plain(quantity: Decimal) -> str:
    """Return a quantity without exponent and trailing zeros, as pharmacies write it."""
    text = f"{quantity:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
