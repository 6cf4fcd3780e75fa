import uuid
from datetime import date

from django.conf import settings
from django.db import models
from django.db.models import F, Q

VALID_FOR = 2  # years; 21 CFR 1311.300(a)


class Qualification(models.TextChoices):
    """Who may audit the application (21 CFR 1311.300(b), (e))."""

    SYSTRUST = "systrust", "Qualified for SysTrust, WebTrust or SAS 70 audits"
    CISA = "cisa", "Certified Information System Auditor who audits regularly"
    CERTIFIER = "certifier", "Certification organization approved by DEA"


class Finding(models.TextChoices):
    COMPLIANT = "compliant", "Meets the requirements of 21 CFR part 1311"
    ADVERSE = "adverse", "Does not meet them: the application must not be used"


class Capability(models.TextChoices):
    """What the application records, stores and transmits (21 CFR 1311.102(d), (e))."""

    CONTENT = "content", "The information of 1306.05(a)"
    INDICATOR = "indicator", "The indication that the practitioner signed"
    REFILLS = "refills", "The number of refills"
    GHB = "ghb", "The medical need for GHB"
    SERIES = "series", "Several Schedule II prescriptions with earliest fill dates"
    INSTITUTION = "institution", "An institution’s DEA number with an internal code"


# The application fails its audit without all of these, 21 CFR 1311.300(h).
REQUIRED = {Capability.CONTENT, Capability.INDICATOR, Capability.REFILLS}


class ThirdPartyAudit(models.Model):
    """The report of an audit or certification of one version (21 CFR 1311.300).

    One administrator enters it, another confirms it. An adverse one is effective at
    once.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    auditor = models.CharField(max_length=200)
    qualification = models.CharField(max_length=10, choices=Qualification.choices)
    reported_on = models.DateField("date of the report")
    software_version = models.CharField(max_length=40)
    finding = models.CharField(max_length=10, choices=Finding.choices)
    capabilities = models.JSONField(default=list, blank=True)
    report_digest = models.CharField("SHA-256 of the report", max_length=64)
    report_location = models.CharField("where users read the report", max_length=200)
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    entered_at = models.DateTimeField()
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    confirmed_at = models.DateTimeField(null=True)
    # Deadlines for the notices of an adverse report, and when they were given.
    tell_dea_by = models.DateField(null=True)
    told_dea_at = models.DateTimeField(null=True)
    tell_registrants_by = models.DateField(null=True)
    told_registrants_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-reported_on", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="third_party_audit_finding_known",
                condition=Q(finding__in=Finding.values),
            ),
            models.CheckConstraint(
                name="third_party_audit_qualification_known",
                condition=Q(qualification__in=Qualification.values),
            ),
            models.CheckConstraint(
                name="third_party_audit_confirmed_by_another",
                condition=Q(confirmed_by=None, confirmed_at=None)
                | (
                    Q(confirmed_by__isnull=False, confirmed_at__gte=F("entered_at"))
                    & ~Q(confirmed_by=F("entered_by"))
                ),
            ),
            models.CheckConstraint(
                name="third_party_audit_adverse_has_days_to_tell",
                condition=Q(finding="compliant")
                | Q(tell_dea_by__isnull=False, tell_registrants_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.auditor}, {self.reported_on}"

    @property
    def expires_on(self) -> date:
        """Return the first day on which the report is no longer valid."""
        day, year = self.reported_on, self.reported_on.year + VALID_FOR
        if (day.month, day.day) == (2, 29):
            return date(year, 3, 1)
        return day.replace(year=year)

    @property
    def capability_labels(self) -> list[str]:
        return [Capability(capability).label for capability in self.capabilities]

    @property
    def is_confirmed(self) -> bool:
        return self.confirmed_at is not None
