from django.db import models
from django.utils import timezone


class SigningKey(models.Model):
    """A private RSA key of the identity provider, as a JWK."""

    kid = models.CharField(max_length=64, unique=True)
    jwk = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.kid


class ClientKey(models.Model):
    """A public key of the client, as last fetched: to encrypt for it, or to know it."""

    kid = models.CharField(max_length=128, unique=True)
    jwk = models.JSONField()
    fetched_at = models.DateTimeField()

    class Meta:
        ordering = ["-fetched_at", "pk"]

    def __str__(self) -> str:
        return self.kid


class ClientAssertion(models.Model):
    """A signed assertion by which the client authenticated; each is good for once."""

    jti = models.CharField(max_length=255, unique=True)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.jti
