import hashlib
import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from audit.reasons import ReasonChoices
from foundation.actors import User
from mfa import vault
from mfa.models.devices import Device


class Purpose(models.TextChoices):
    """What a challenge authorizes; it is worthless for any other purpose."""

    SIGN = "sign", "Sign prescriptions"
    SELECT_PRIMARY = "select_primary", "Select the primary device"
    ADD_DEVICE = "add_device", "Add a device"
    RETIRE_DEVICE = "retire_device", "Remove a device"
    UNLINK = "unlink", "Unlink the ID.me account"
    ADMINISTER = "administer", "Enter the administration site"
    APPROVE_ACCESS = "approve_access", "Execute a change of the right to sign"
    RESTORE_SIGNING = "restore_signing", "Let signing go on after a stop"


@dataclass(frozen=True)
class Intent:
    """What a person means to do: which act, on which content, in which session.

    A challenge passed for one intent is worthless for any other.
    """

    user: User
    purpose: Purpose
    digest: str
    session: str  # its key

    def challenge(self, device: Device) -> "Challenge":
        """Return an unsaved challenge for this intent, to be passed with a device."""
        return Challenge(
            user=self.user,
            device=device,
            purpose=self.purpose,
            payload_digest=self.digest,
            session_digest=session_digest(self.session),
        )


class ChallengeState(models.TextChoices):
    OPEN = "open", "Waiting for the device"
    PASSED = "passed", "Passed, not used yet"
    REFUSED = "refused", "Refused"
    CONSUMED = "consumed", "Used"


class ChallengeQuerySet(models.QuerySet["Challenge"]):
    def of_session(self, user: User, *, session_key: str) -> "ChallengeQuerySet":
        """Those that this user started in this session."""
        return self.filter(user=user, session_digest=session_digest(session_key))

    def bound_to(self, intent: Intent) -> "ChallengeQuerySet":
        """Those of this session for exactly this purpose and content."""
        return self.of_session(intent.user, session_key=intent.session).filter(
            purpose=intent.purpose, payload_digest=intent.digest
        )


class Challenge(models.Model):
    """Two factors, for one purpose, content and session; redeemed at most once."""

    CONSUME_WITHIN = timedelta(minutes=2)
    ANSWER_WITHIN = timedelta(minutes=2)  # a push; SP 800-63B 5.1.3.2 allows 10

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="challenges"
    )
    device = models.ForeignKey(Device, models.PROTECT, related_name="challenges")
    purpose = models.CharField(max_length=20, choices=Purpose.choices)
    payload_digest = models.CharField(max_length=64)
    session_digest = models.CharField(max_length=64)
    state = models.CharField(
        max_length=10, choices=ChallengeState.choices, default=ChallengeState.OPEN
    )
    started_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    consumed_at = models.DateTimeField(null=True)

    objects = ChallengeQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            models.CheckConstraint(
                name="challenge_state_known",
                condition=Q(state__in=ChallengeState.values),
            ),
            models.CheckConstraint(
                name="challenge_purpose_known", condition=Q(purpose__in=Purpose.values)
            ),
            models.CheckConstraint(
                name="challenge_consumed_once_passed",
                condition=Q(
                    state=ChallengeState.CONSUMED,
                    consumed_at__isnull=False,
                    answered_at__isnull=False,
                )
                | (~Q(state=ChallengeState.CONSUMED) & Q(consumed_at=None)),
            ),
            # SP 800-63B 5.2.2, push fatigue: one push at a time.
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(state=ChallengeState.OPEN),
                name="challenge_one_open_per_user",
            ),
            models.CheckConstraint(
                name="challenge_expires_after_it_started",
                condition=Q(expires_at__gt=F("started_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} ({self.get_state_display()})"

    def successor(self) -> "Challenge":
        """Return an unsaved challenge bound to the same device, content and session."""
        return Challenge(
            user=self.user,
            device=self.device,
            purpose=self.purpose,
            payload_digest=self.payload_digest,
            session_digest=self.session_digest,
        )


class Channel(models.TextChoices):
    """How a push reaches a phone, and how the answer comes back."""

    CIBA = "ciba", "Backchannel of ID.me"
    STEP_UP = "step_up", "Window of ID.me"
    PHONE = "phone", "Phone paired with the portal"


class Ending(ReasonChoices):
    """Why a push did not pass."""

    DENIED = "denied", "Declined on the phone"
    NOT_ME = "not_me", "Reported on the phone as not started by its owner"
    WRONG_NUMBER = "wrong_number", "The number on the phone was not the one shown"
    OTHER_DEVICE = "other_device", "Another device answered, or none that can be named"
    NOT_FRESH = "not_fresh", "ID.me did not say that it was confirmed just now"
    CANCELLED = "cancelled", "Cancelled in the portal"
    REPLACED = "replaced", "A newer push took its place"
    EXPIRED = "expired", "Nobody answered in time"
    UNAVAILABLE = "unavailable", "ID.me could not be asked"


class PushQuerySet(models.QuerySet["Push"]):
    def with_open_request(self) -> "PushQuerySet":
        """Those whose answer may still be waiting at ID.me."""
        return self.exclude(sealed_request="")


class Push(models.Model):
    """The answer of one phone that an open challenge waits for, accepted once.

    The number is shown in the portal and typed on the phone; the phone never gets it.
    """

    MAX_WRONG_NUMBERS = 2

    challenge = models.OneToOneField(
        Challenge, models.PROTECT, primary_key=True, related_name="push"
    )
    channel = models.CharField(max_length=10, choices=Channel.choices)
    message = models.CharField(max_length=200)
    number = models.CharField(max_length=2)
    nonce = models.CharField(max_length=64)
    sealed_request = models.TextField(blank=True, editable=False)
    interval = models.PositiveSmallIntegerField(default=5)  # seconds between two polls
    wrong_numbers = models.PositiveSmallIntegerField(default=0)
    ended_because = models.CharField(max_length=15, choices=Ending.choices, blank=True)

    objects = PushQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "pushes"
        indexes = [
            models.Index(
                name="push_listened_to",
                fields=["challenge"],
                condition=~Q(sealed_request=""),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="push_channel_known", condition=Q(channel__in=Channel.values)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()}: {self.message}"

    def set_request(self, request_id: str) -> None:
        self.sealed_request = vault.seal(request_id.encode(), **self._place())

    def request_id(self) -> str:
        """Return the provider's request id, a secret: its holder can fetch the answer.

        Raise vault.CannotUnseal.
        """
        return vault.unseal(self.sealed_request, **self._place()).decode()

    def _place(self) -> dict[str, str]:
        return {
            "table": "mfa_push",
            "column": "sealed_request",
            "row": str(self.challenge.public_id),
        }


def session_digest(session_key: str) -> str:
    """Return the digest of a session key: it recognizes a session, it opens none."""
    if not session_key:
        raise ValueError("A challenge belongs to a session.")
    return hashlib.sha256(session_key.encode()).hexdigest()
