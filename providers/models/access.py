import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from foundation.actors import User
from mfa.models import Challenge
from providers.models.practices import Practice
from providers.models.practitioners import DeaRegistration, Provider, StateLicense


class AccessKind(models.TextChoices):
    """What an access request asks for."""

    GRANT = "grant", "Give the right to sign"
    REVOKE = "revoke", "End the right to sign"
    NAME = "name", "Name a designee"
    DISMISS = "dismiss", "End a designation"


ABOUT_PROVIDERS = [AccessKind.GRANT, AccessKind.REVOKE]


class AccessState(models.TextChoices):
    ENTERED = "entered", "Waits for a second person"
    EXECUTED = "executed", "Executed"
    REFUSED = "refused", "Refused"
    WITHDRAWN = "withdrawn", "Withdrawn"


class DeaSource(models.TextChoices):
    """Where an access manager saw that a DEA registration is current."""

    WEB = "web", "DEA's registration validation on the web"
    CERTIFICATE = "certificate", "The certificate of registration"
    DATABASE = "database", "A database of the DEA or the NTIS"


class StateSource(models.TextChoices):
    """Where an access manager saw that a State license is current."""

    BOARD = "board", "The State board's license look-up"
    DOCUMENT = "document", "The license itself"


class Verification(models.Model):
    """A look-up of a practitioner's authority: current and in good standing.

    21 CFR 1311.125(b). Dates as seen then, whatever the registration says later.
    """

    provider = models.ForeignKey(Provider, models.PROTECT, related_name="verifications")
    verified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    verified_at = models.DateTimeField()
    dea_registration = models.ForeignKey(
        DeaRegistration, models.PROTECT, related_name="+"
    )
    dea_expires_on = models.DateField()
    dea_source = models.CharField(max_length=15, choices=DeaSource.choices)
    state_license = models.ForeignKey(StateLicense, models.PROTECT, related_name="+")
    license_expires_on = models.DateField()
    registration_expires_on = models.DateField(null=True)  # the State's, if it has one
    state_source = models.CharField(max_length=15, choices=StateSource.choices)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-verified_at"]
        constraints = [
            models.CheckConstraint(
                name="verification_sources_known",
                condition=Q(dea_source__in=DeaSource.values)
                & Q(state_source__in=StateSource.values),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider}, seen by {self.verified_by}"


class AccessRequestQuerySet(models.QuerySet["AccessRequest"]):
    def visible_to(self, user: User) -> "AccessRequestQuerySet":
        """Return the requests of the practices whose access this user manages."""
        return self.filter(
            practice__designees__user=user,
            practice__designees__until=None,
            practice__in=Practice.objects.visible_to(user),
        )

    def open(self) -> "AccessRequestQuerySet":
        return self.filter(state=AccessState.ENTERED)

    def closed(self) -> "AccessRequestQuerySet":
        return self.exclude(state=AccessState.ENTERED)


class AccessRequest(models.Model):
    """What an access manager requests and another one approves (21 CFR 1311.125(c))."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=10, choices=AccessKind.choices)
    practice = models.ForeignKey(
        Practice, models.PROTECT, related_name="access_requests"
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    provider = models.ForeignKey(
        Provider, models.PROTECT, null=True, related_name="access_requests"
    )
    verification = models.OneToOneField(
        Verification, models.PROTECT, null=True, related_name="request"
    )
    reason = models.CharField(max_length=200, blank=True)
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    entered_at = models.DateTimeField()
    digest = models.CharField(max_length=64)
    state = models.CharField(
        max_length=10, choices=AccessState.choices, default=AccessState.ENTERED
    )
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    closed_at = models.DateTimeField(null=True)
    closing_note = models.CharField(max_length=200, blank=True)
    challenge = models.OneToOneField(
        Challenge, models.PROTECT, null=True, related_name="+"
    )
    # The first practitioner, the only registrant there, approved their own grant.
    is_own = models.BooleanField(default=False)

    objects = AccessRequestQuerySet.as_manager()

    class Meta:
        ordering = ["-entered_at"]
        constraints = [
            models.CheckConstraint(
                name="access_request_kind_and_state_known",
                condition=Q(kind__in=AccessKind.values, state__in=AccessState.values),
            ),
            models.CheckConstraint(
                name="access_request_about_a_provider_or_a_person",
                condition=Q(kind__in=ABOUT_PROVIDERS, provider__isnull=False)
                | (~Q(kind__in=ABOUT_PROVIDERS) & Q(provider=None)),
            ),
            models.CheckConstraint(
                name="access_request_to_grant_is_verified",
                condition=Q(kind=AccessKind.GRANT, verification__isnull=False)
                | (~Q(kind=AccessKind.GRANT) & Q(verification=None)),
            ),
            models.CheckConstraint(
                name="access_request_open_or_closed_by_somebody",
                condition=Q(
                    state=AccessState.ENTERED, closed_by=None, closed_at__isnull=True
                )
                | (
                    ~Q(state=AccessState.ENTERED)
                    & Q(closed_by__isnull=False, closed_at__gte=F("entered_at"))
                ),
            ),
            models.CheckConstraint(
                name="access_request_executed_by_two_with_both_factors",
                condition=~Q(state=AccessState.EXECUTED)
                | (Q(challenge__isnull=False) & ~Q(closed_by=F("entered_by"))),
            ),
            models.UniqueConstraint(
                fields=["practice", "person"],
                condition=Q(state=AccessState.ENTERED),
                name="access_request_one_open_about_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.subject}"

    @property
    def subject(self) -> str:
        """Return the name of the person or provider it is about."""
        if self.provider:
            return str(self.provider)
        return self.person.get_full_name() or self.person.get_username()

    @property
    def is_open(self) -> bool:
        return self.state == AccessState.ENTERED


class AccessGrantQuerySet(models.QuerySet["AccessGrant"]):
    def current(self) -> "AccessGrantQuerySet":
        return self.filter(revoked_at=None)

    def at(self, practice: Practice) -> "AccessGrantQuerySet":
        """Return the grants of a practice, and the provisional ones, which name none."""
        return self.filter(Q(practice=practice) | Q(practice=None))


class AccessGrant(models.Model):
    """Access to sign controlled substances at a practice (21 CFR 1311.125).

    A grant by a single administrator, as was possible once, is provisional: nobody
    signs under it until two people approve a new one.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    provider = models.ForeignKey(Provider, models.PROTECT, related_name="access_grants")
    practice = models.ForeignKey(
        Practice, models.PROTECT, null=True, related_name="access_grants"
    )
    request = models.OneToOneField(
        AccessRequest, models.PROTECT, null=True, related_name="grant"
    )
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    granted_at = models.DateTimeField()
    is_provisional = models.BooleanField(default=False)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True)
    # None if its holder gave it up.
    revocation = models.ForeignKey(
        AccessRequest, models.PROTECT, null=True, related_name="revoked_grants"
    )
    reason = models.CharField(max_length=200, blank=True)

    objects = AccessGrantQuerySet.as_manager()

    class Meta:
        ordering = ["-granted_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "practice"],
                condition=Q(revoked_at=None),
                name="access_grant_one_in_force_per_practice",
            ),
            models.CheckConstraint(
                name="access_grant_by_two_people_or_provisional",
                condition=Q(is_provisional=True, request=None, practice=None)
                | Q(
                    is_provisional=False, request__isnull=False, practice__isnull=False
                ),
            ),
            models.CheckConstraint(
                name="access_grant_revoked_by_somebody_at_some_time",
                condition=Q(revoked_at=None, revoked_by=None)
                | Q(
                    revoked_at__isnull=False,
                    revoked_by__isnull=False,
                    revoked_at__gte=F("granted_at"),
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider}: {'revoked' if self.revoked_at else 'in force'}"
