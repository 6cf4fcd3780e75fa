import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from foundation.actors import User
from mfa import vault


class IdmeAccountQuerySet(models.QuerySet["IdmeAccount"]):
    def linked(self) -> "IdmeAccountQuerySet":
        return self.filter(unlinked_at=None)

    def linked_to(self, user: User | int) -> "IdmeAccount | None":
        """Return the account that is linked to a user (or user id) now, or None."""
        return self.linked().filter(user=user).first()


class IdmeAccount(models.Model):
    """An ID.me account of a user, identified by issuer and subject, never by email.

    At most one is linked at a time; earlier ones stay, because the record names them.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="idme_accounts"
    )
    issuer = models.CharField(max_length=255)
    subject = models.CharField(max_length=255)
    email = models.EmailField(blank=True)
    first_name = models.CharField(max_length=150, blank=True)
    last_name = models.CharField(max_length=150, blank=True)
    identity_assurance = models.PositiveSmallIntegerField("IAL")
    authenticator_assurance = models.PositiveSmallIntegerField("AAL")
    linked_at = models.DateTimeField(default=timezone.now)
    unlinked_at = models.DateTimeField(null=True, editable=False)
    authenticated_at = models.DateTimeField()
    devices_refreshed_at = models.DateTimeField(null=True)
    refresh_asked_at = models.DateTimeField(null=True, editable=False)
    refresh_failed_at = models.DateTimeField(null=True, editable=False)
    sealed_refresh_token = models.TextField(blank=True, editable=False)
    refresh_token_expires_at = models.DateTimeField(null=True, editable=False)

    objects = IdmeAccountQuerySet.as_manager()

    class Meta:
        verbose_name = "ID.me account"
        constraints = [
            models.UniqueConstraint(
                fields=["issuer", "subject"],
                condition=Q(unlinked_at=None),
                name="idme_account_linked_once",
            ),
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(unlinked_at=None),
                name="idme_account_one_linked_per_user",
            ),
            models.CheckConstraint(
                name="idme_account_unlinked_keeps_no_token",
                condition=Q(unlinked_at=None) | Q(sealed_refresh_token=""),
            ),
            models.CheckConstraint(
                name="idme_account_subject_present", condition=~Q(subject="")
            ),
        ]

    def __str__(self) -> str:
        return f"ID.me account of {self.user}"

    @property
    def is_identity_proofed(self) -> bool:
        """Return True at IAL2 and AAL2: 21 CFR 1311.105(a)(1) is met (see docs/adr)."""
        return self.identity_assurance >= 2 and self.authenticator_assurance >= 2

    def set_refresh_token(self, token: str) -> None:
        self.sealed_refresh_token = vault.seal(token.encode(), **self._place())

    def refresh_token(self) -> str:
        """Return the token in clear; raise vault.CannotUnseal. Never show or log it."""
        return vault.unseal(self.sealed_refresh_token, **self._place()).decode()

    def reseal(self) -> None:
        self.set_refresh_token(self.refresh_token())
        self.save(update_fields=["sealed_refresh_token"])

    def _place(self) -> dict[str, str]:
        return {
            "table": "mfa_idmeaccount",
            "column": "sealed_refresh_token",
            "row": f"{self.user_id}:{self.public_id}",
        }
