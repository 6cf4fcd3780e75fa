import uuid
from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxLengthValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from mfa.models import Challenge, Device
from prescriptions import formats
from providers import identifiers
from providers.models import Address, DeaRegistration, Practice, Provider, Schedule


class Sex(models.TextChoices):
    """The three values of SCRIPT's Gender."""

    FEMALE = "F", "Female"
    MALE = "M", "Male"
    UNKNOWN = "U", "Unknown or not given"


class Status(models.TextChoices):
    DRAFT = "draft", "Draft"
    READY = "ready", "Ready to sign"
    SIGNED = "signed", "Signed"
    QUEUED = "queued", "Signed, on its way"
    TRANSMITTED = "transmitted", "Handed to the network"
    DELIVERED = "delivered", "Accepted by the pharmacy"
    FAILED = "failed", "Not delivered"
    DISCARDED = "discarded", "Discarded"
    CANCELLED = "cancelled", "Cancelled"
    PRINTED = "printed", "Printed on paper"


# The trigger of 0002 holds the same table. No path leads from printed to queued
# (21 CFR 1311.170(d)).
TRANSITIONS: dict[Status, set[Status]] = {
    Status.DRAFT: {Status.READY, Status.DISCARDED, Status.PRINTED},
    Status.READY: {Status.DRAFT, Status.SIGNED, Status.DISCARDED, Status.PRINTED},
    Status.SIGNED: {Status.QUEUED, Status.CANCELLED},
    Status.QUEUED: {Status.TRANSMITTED, Status.FAILED, Status.CANCELLED},
    Status.TRANSMITTED: {Status.DELIVERED, Status.FAILED},
    Status.FAILED: {Status.PRINTED},
    Status.DELIVERED: set(),
    Status.DISCARDED: set(),
    Status.CANCELLED: set(),
    Status.PRINTED: set(),
}
OPEN = [Status.DRAFT, Status.READY]
ON_ITS_WAY = [Status.SIGNED, Status.QUEUED, Status.TRANSMITTED]
SIGNED_ON = [*ON_ITS_WAY, Status.DELIVERED, Status.FAILED, Status.CANCELLED]


class OfPractice(models.QuerySet):
    def visible_to(self, user):
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

    objects = OfPractice.as_manager()

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

    class Meta:
        verbose_name_plural = "pharmacies"
        ordering = ["name", "city"]

    def __str__(self) -> str:
        return f"{self.name}, {self.city}"


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


class Prescription(models.Model):
    """An order for one controlled substance; from its signature on, never changed."""

    CONTENT = [  # what a person writes; everything else follows from acts
        "prescriber",
        "dea_registration",
        "drug",
        "quantity",
        "days_supply",
        "refills",
        "directions",
        "note",
        "substitutions_allowed",
        "earliest_fill_on",
        "pharmacy",
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
    drug = models.ForeignKey(Drug, models.PROTECT, related_name="prescriptions")
    schedule = models.CharField(
        max_length=3, choices=Schedule.choices, editable=False
    )  # of the drug, when this was written
    quantity = models.DecimalField(
        max_digits=9,
        decimal_places=3,
        validators=[MinValueValidator(Decimal("0.001"), "Enter how much to dispense.")],
    )
    days_supply = models.PositiveSmallIntegerField(
        "days’ supply", null=True, blank=True, validators=[MinValueValidator(1)]
    )
    refills = models.PositiveSmallIntegerField(default=0)
    directions = models.TextField(
        max_length=1000,
        validators=[MaxLengthValidator(1000), formats.validate_printable],
    )
    note = models.CharField(
        "note to the pharmacist",
        max_length=210,
        blank=True,
        validators=[formats.validate_printable],
    )
    substitutions_allowed = models.BooleanField(default=True)
    pharmacy = models.ForeignKey(Pharmacy, models.PROTECT, related_name="prescriptions")
    earliest_fill_on = models.DateField("earliest fill date", null=True, blank=True)
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
    issued_on = models.DateField(null=True, editable=False)  # day at the practice
    signed_at = models.DateTimeField(null=True, editable=False)
    failure_reason = models.CharField(max_length=200, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = OfPractice.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
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
            # SCRIPT carries two digits.
            models.CheckConstraint(
                name="prescription_refills_countable",
                condition=Q(refills__lte=99),
                violation_error_message="Write a new prescription after 99 refills.",
            ),
            # 21 CFR 1306.12(a), 1306.22(a). A draft may be wrong; it goes nowhere.
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
                        status__in=[Status.READY, *SIGNED_ON],
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
                    status__in=SIGNED_ON,
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

    @property
    def is_on_its_way(self) -> bool:
        return self.status in ON_ITS_WAY

    @property
    def quantity_in_words(self) -> str:
        plural = "" if self.quantity == 1 or self.drug.unit in UNCOUNTED else "s"
        return f"{plain(self.quantity)} {self.drug.unit}{plural}"


UNCOUNTED = {"mL", "g", "each", "film", "patch"}


def plain(quantity: Decimal) -> str:
    """Return a quantity as pharmacies write it: no exponent, no trailing zeros."""
    text = f"{quantity:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class SigningKey(models.Model):
    """The public half of a key that signed; never removed, or records stop verifying."""

    kid = models.CharField("key id", max_length=64, unique=True)
    public_jwk = models.JSONField("public key")
    activated_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-activated_at"]
        constraints = [
            models.CheckConstraint(
                name="signing_key_retired_after_it_was_activated",
                condition=Q(retired_at=None) | Q(retired_at__gte=F("activated_at")),
            ),
        ]

    def __str__(self) -> str:
        return self.kid


class SignedRecord(models.Model):
    """The archived, digitally signed prescription (21 CFR 1311.120(b)(15))."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    prescription = models.OneToOneField(
        Prescription, models.PROTECT, related_name="signed_record"
    )
    signer = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="signed_records"
    )
    device = models.ForeignKey(Device, models.PROTECT, related_name="signed_records")
    device_nickname = models.CharField(max_length=64)
    challenge = models.ForeignKey(
        Challenge, models.PROTECT, related_name="signed_records"
    )
    key = models.ForeignKey(SigningKey, models.PROTECT, related_name="signed_records")
    content_digest = models.CharField(max_length=64)
    payload = models.TextField()  # canonical JSON, RFC 8785
    payload_digest = models.CharField(max_length=64)
    jws = models.TextField("JWS")
    software_version = models.CharField(max_length=40)
    signed_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="signed_record_complete",
                condition=~Q(content_digest="")
                & ~Q(payload="")
                & ~Q(payload_digest="")
                & ~Q(jws=""),
            ),
        ]

    def __str__(self) -> str:
        return f"Signed record {self.public_id}"


class TransmissionState(models.TextChoices):
    WAITING = "waiting", "Waiting to be sent"
    SENDING = "sending", "Being sent"
    TRANSMITTED = "transmitted", "Taken by the network"
    DELIVERED = "delivered", "Accepted by the pharmacy"
    FAILED = "failed", "Given up or refused"


class Transmission(models.Model):
    """One message of the outbox: the same MessageID and bytes at every attempt."""

    GIVE_UP_AFTER = timedelta(hours=24)

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    prescription = models.OneToOneField(
        Prescription, models.PROTECT, related_name="transmission"
    )
    message_id = models.CharField(max_length=35, unique=True)
    xml = models.BinaryField()
    state = models.CharField(
        max_length=12,
        choices=TransmissionState.choices,
        default=TransmissionState.WAITING,
    )
    attempts = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField()
    enqueued_at = models.DateTimeField()
    last_attempt_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    answer = models.TextField(blank=True)
    last_problem = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["pk"]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(state__in=["waiting", "sending"]),
                name="transmission_due",
            )
        ]
        constraints = [
            models.CheckConstraint(
                name="transmission_state_known",
                condition=Q(state__in=TransmissionState.values),
            ),
            models.CheckConstraint(
                name="transmission_leased_while_sending",
                condition=Q(state="sending", leased_until__isnull=False)
                | (~Q(state="sending") & Q(leased_until=None)),
            ),
            models.CheckConstraint(
                name="transmission_answered_once_accepted",
                condition=~Q(state__in=["transmitted", "delivered"])
                | Q(answered_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.message_id
