"""FDA's NDC directory as it was imported, and the schedules people must decide."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from prescriptions.models.drugs import Drug
from providers.models import Schedule


class Stage(models.TextChoices):
    PRODUCTS = "products", "Reading product.txt"
    PACKAGES = "packages", "Reading package.txt"
    RETIRING = "retiring", "Retiring what vanished"
    DRUGS = "drugs", "Bringing drugs up to date"
    DONE = "done", "Done"


class RunState(models.TextChoices):
    RUNNING = "running", "Under way, or killed and to be run again"
    FINISHED = "finished", "Finished"
    FAILED = "failed", "Stopped by a problem"
    SUPERSEDED = "superseded", "Given up for another file"


class ImportRun(models.Model):
    """An import of one edition of the directory; resumes where it was killed."""

    digest = models.CharField(max_length=64)  # of both files and the rules applied
    source = models.CharField(max_length=255)
    state = models.CharField(
        max_length=10, choices=RunState.choices, default=RunState.RUNNING
    )
    stage = models.CharField(
        max_length=10, choices=Stage.choices, default=Stage.PRODUCTS
    )
    position = models.PositiveBigIntegerField(default=0)  # lines, or a primary key
    lines = models.PositiveBigIntegerField(default=0)  # of both files
    counts = models.JSONField(default=dict)
    problem = models.CharField(max_length=300, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name = "NDC import"
        constraints = [
            models.CheckConstraint(
                name="import_run_state_known", condition=Q(state__in=RunState.values)
            ),
            models.CheckConstraint(
                name="import_run_stage_known", condition=Q(stage__in=Stage.values)
            ),
            models.UniqueConstraint(
                fields=["state"],
                condition=Q(state="running"),
                name="import_run_one_at_a_time",
            ),
            models.CheckConstraint(
                name="import_run_finished_when_done",
                condition=Q(state="finished", stage="done", finished_at__isnull=False)
                | (~Q(state="finished") & Q(finished_at=None)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} of {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def percent(self) -> int:
        """Return the progress in percent; reading the files is most of the work."""
        if self.stage == Stage.DONE:
            return 100
        read = sum(
            count for name, count in self.counts.items() if name.endswith(".txt rows")
        )
        return min(99, 100 * read // max(self.lines, 1))


class RefusedRow(models.Model):
    """A row of the directory that was not imported, and why."""

    run = models.ForeignKey(ImportRun, models.PROTECT, related_name="refused_rows")
    file = models.CharField(max_length=20)
    line = models.PositiveIntegerField()
    product = models.CharField(max_length=64, blank=True)
    reason = models.CharField(max_length=300)

    class Meta:
        ordering = ["run", "file", "line"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "file", "line"], name="refused_row_once_in_a_run"
            )
        ]

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.reason}"


class DrugProduct(models.Model):
    """A labeler's product under one product NDC; retired when no longer listed."""

    drug = models.ForeignKey(Drug, models.PROTECT, related_name="products")
    product_id = models.CharField("product id", max_length=64, unique=True)
    product_ndc = models.CharField("product NDC", max_length=12, db_index=True)
    product_type = models.CharField(max_length=60)
    proprietary_name = models.CharField(max_length=300, blank=True)
    labeler = models.CharField(max_length=200)
    marketing_category = models.CharField(max_length=100, blank=True)
    marketed_from = models.DateField(null=True)
    marketed_until = models.DateField(null=True)
    reported_schedule = models.CharField(
        "schedule as reported",
        max_length=3,
        choices=Schedule.choices,
        blank=True,  # not controlled, according to the labeler
    )
    schedule = models.CharField(max_length=3, choices=Schedule.choices)
    row_digest = models.CharField(max_length=64)
    seen_in = models.ForeignKey(ImportRun, models.PROTECT, related_name="+")
    retired_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["product_ndc", "pk"]
        verbose_name = "NDC product"
        constraints = [
            models.CheckConstraint(
                name="drug_product_schedule_known",
                condition=Q(schedule__in=Schedule.values)
                & Q(reported_schedule__in=["", *Schedule.values]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product_ndc} {self.labeler}"


class DrugPackage(models.Model):
    """One package of a product."""

    product = models.ForeignKey(DrugProduct, models.PROTECT, related_name="packages")
    # Eleven digits; FDA has proposed twelve.
    ndc = models.CharField("NDC", max_length=12, db_index=True)
    as_written = models.CharField("NDC with hyphens", max_length=14)
    description = models.CharField(max_length=500)
    is_sample = models.BooleanField(default=False)
    seen_in = models.ForeignKey(ImportRun, models.PROTECT, related_name="+")
    retired_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["ndc", "pk"]
        verbose_name = "NDC package"
        constraints = [
            models.UniqueConstraint(
                fields=["product", "ndc"], name="drug_package_once_in_a_product"
            ),
        ]

    def __str__(self) -> str:
        return self.as_written


class Decision(models.TextChoices):
    OPEN = "open", "Open"
    ACCEPTED = "accepted", "New schedule accepted"
    KEPT = "kept", "Old schedule kept"


class ReviewTask(models.Model):
    """A schedule that a person must decide; until then the stricter one applies.

    An empty schedule means not controlled, so it is not prescribed here.
    """

    drug = models.ForeignKey(Drug, models.PROTECT, related_name="review_tasks")
    run = models.ForeignKey(ImportRun, models.PROTECT, related_name="review_tasks")
    product_ndc = models.CharField("product NDC", max_length=12)
    labeler = models.CharField(max_length=200)
    old_schedule = models.CharField(max_length=3, choices=Schedule.choices, blank=True)
    new_schedule = models.CharField(max_length=3, choices=Schedule.choices, blank=True)
    reason = models.CharField(max_length=300)
    opened_at = models.DateTimeField(default=timezone.now)
    decision = models.CharField(
        max_length=8, choices=Decision.choices, default=Decision.OPEN
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-decision", "-opened_at", "-pk"]
        verbose_name = "review of a schedule"
        verbose_name_plural = "reviews of schedules"
        constraints = [
            models.CheckConstraint(
                name="review_task_decision_known",
                condition=Q(decision__in=Decision.values),
            ),
            models.CheckConstraint(
                name="review_task_schedules_known",
                condition=Q(old_schedule__in=["", *Schedule.values])
                & Q(new_schedule__in=["", *Schedule.values]),
            ),
            models.CheckConstraint(
                name="review_task_decided_by_somebody",
                condition=Q(decision="open", decided_by=None, decided_at=None)
                | (
                    ~Q(decision="open")
                    & Q(decided_by__isnull=False, decided_at__isnull=False)
                ),
            ),
            models.UniqueConstraint(
                fields=["drug", "old_schedule", "new_schedule"],
                condition=Q(decision="open"),
                name="review_task_one_open_for_a_change",
            ),
        ]

    def __str__(self) -> str:
        old, new = (
            f"C-{schedule}" if schedule else "not controlled"
            for schedule in [self.old_schedule, self.new_schedule]
        )
        return f"{self.drug}: {old} to {new}"
