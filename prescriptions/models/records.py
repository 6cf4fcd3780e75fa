import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from foundation.actors import User
from mfa.models import Challenge, Device
from prescriptions.models.prescriptions import Prescription


class SigningKey(models.Model):
    """The public half of a signing key; kept for good so that records verify."""

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


class SignedRecordQuerySet(models.QuerySet["SignedRecord"]):
    def visible_to(self, user: User) -> "SignedRecordQuerySet":
        return self.filter(prescription__in=Prescription.objects.visible_to(user))


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

    objects = SignedRecordQuerySet.as_manager()

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
