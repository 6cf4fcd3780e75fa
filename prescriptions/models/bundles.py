import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from foundation.actors import User
from prescriptions.models.parties import PracticeOwnedQuerySet
from providers import access_managers
from providers.models import Practice, Provider


class ExportState(models.TextChoices):
    WAITING = "waiting", "Waiting to be made"
    RUNNING = "running", "Being made"
    DONE = "done", "Ready to download"
    FAILED = "failed", "Could not be made"
    REMOVED = "removed", "Removed from the server"


class ExportQuerySet(models.QuerySet["Export"]):
    def visible_to(self, user: User) -> "ExportQuerySet":
        """Return the exports of this user that they may still request."""
        may_request = Q(provider__user=user) | Q(
            practice__in=access_managers.practices_of(user)
        )
        practices = Practice.objects.visible_to(user)
        return self.filter(may_request, practice__in=practices, requested_by=user)


class Export(models.Model):
    """A requested bundle: the records of a practice or of one practitioner."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="exports"
    )
    requested_at = models.DateTimeField()
    practice = models.ForeignKey(Practice, models.PROTECT, related_name="exports")
    provider = models.ForeignKey(
        Provider, models.PROTECT, null=True, related_name="exports"
    )  # null: all providers of the practice
    first_day = models.DateField(null=True)
    last_day = models.DateField(null=True)
    state = models.CharField(
        max_length=10, choices=ExportState.choices, default=ExportState.WAITING
    )
    total = models.PositiveIntegerField(default=0)  # prescriptions
    done = models.PositiveIntegerField(default=0)
    moved_at = models.DateTimeField()  # last progress
    size = models.PositiveBigIntegerField(default=0)  # bytes
    digest = models.CharField(max_length=64, blank=True)
    downloaded_at = models.DateTimeField(null=True)

    objects = ExportQuerySet.as_manager()

    class Meta:
        ordering = ["-requested_at", "-pk"]
        indexes = [
            models.Index(
                fields=["moved_at"],
                condition=Q(state__in=["waiting", "running"]),
                name="export_under_way",
            )
        ]
        constraints = [
            models.CheckConstraint(
                name="export_state_known", condition=Q(state__in=ExportState.values)
            ),
            models.CheckConstraint(
                name="export_of_some_days",
                condition=Q(first_day=None)
                | Q(last_day=None)
                | Q(first_day__lte=F("last_day")),
            ),
            models.CheckConstraint(
                name="export_sealed_once_done",
                condition=~Q(state=ExportState.DONE) | ~Q(digest=""),
            ),
        ]

    def __str__(self) -> str:
        return f"Export {self.public_id}"

    def get_absolute_url(self) -> str:
        return reverse("export-detail", args=[self.public_id])

    @property
    def is_under_way(self) -> bool:
        return self.state in (ExportState.WAITING, ExportState.RUNNING)


class ImportedBundle(models.Model):
    """A verified bundle of another installation."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    practice = models.ForeignKey(Practice, models.PROTECT, related_name="+")
    seal = models.TextField()  # JWS over the digest of its manifest
    manifest_digest = models.CharField(max_length=64)
    key_thumbprint = models.CharField(max_length=64)
    source = models.CharField(max_length=200)
    made_at = models.DateTimeField()
    imported_at = models.DateTimeField()

    objects = PracticeOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["-imported_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["practice", "manifest_digest"],
                name="imported_bundle_once_per_practice",
            ),
        ]

    def __str__(self) -> str:
        return f"Records of {self.source}"


class ImportedRecord(models.Model):
    """A signed prescription of another installation, unchanged.

    21 CFR 1311.305(e).
    """

    prescription_id = models.UUIDField(unique=True)  # at its own installation
    bundle = models.ForeignKey(ImportedBundle, models.PROTECT, related_name="records")
    practice = models.ForeignKey(
        Practice, models.PROTECT, related_name="imported_records"
    )
    payload = models.TextField()
    payload_digest = models.CharField(max_length=64)
    jws = models.TextField("JWS")
    key = models.JSONField()  # public, as in the key file of the bundle
    xml = models.BinaryField(null=True)
    events = models.TextField(blank=True)  # JSON, one event a line
    patient_name = models.CharField(max_length=80)
    date_of_birth = models.DateField()
    drug = models.CharField(max_length=200)
    schedule = models.CharField(max_length=3)
    prescriber = models.CharField(max_length=100)
    dea_number = models.CharField(max_length=60)
    issued_on = models.DateField()

    objects = PracticeOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["-issued_on", "-pk"]
        indexes = [
            models.Index(
                fields=["practice", "-issued_on"], name="imported_record_of_practice"
            )
        ]

    def __str__(self) -> str:
        return f"Imported record {self.prescription_id}"

    def get_absolute_url(self) -> str:
        return reverse("imported-record", args=[self.prescription_id])
