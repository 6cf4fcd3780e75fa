from authlib.oauth2.rfc6749 import ClientMixin
from django.db import models

from sandbox.idme.models.accounts import Account


class AuthorizationCode(models.Model):
    """A code handed to the portal's redirect address; kept as a digest, used once."""

    digest = models.CharField(max_length=64, unique=True)
    account = models.ForeignKey(Account, models.CASCADE)
    client_id = models.CharField(max_length=80)
    redirect_uri = models.TextField()
    scope = models.TextField()
    nonce = models.TextField()
    code_challenge = models.CharField(max_length=128)
    code_challenge_method = models.CharField(max_length=5)
    auth_time = models.BigIntegerField()
    amr = models.JSONField(default=list)
    device_id = models.CharField(max_length=36, blank=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"Code for {self.account}"

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.auth_time

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> list[str]:
        return self.amr


class RefreshToken(models.Model):
    """Seven days of fresh device lists; kept as a digest, not rotated."""

    digest = models.CharField(max_length=64, unique=True)
    account = models.ForeignKey(Account, models.CASCADE)
    code = models.ForeignKey(AuthorizationCode, models.CASCADE, null=True)
    client_id = models.CharField(max_length=80)
    scope = models.TextField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"Refresh token of {self.account}"

    def check_client(self, client: ClientMixin) -> bool:
        return self.client_id == client.get_client_id()

    def get_scope(self) -> str:
        return self.scope


class AccessToken(models.Model):
    """Good for one call of userinfo; kept as a digest."""

    digest = models.CharField(max_length=64, unique=True)
    account = models.ForeignKey(Account, models.CASCADE)
    code = models.ForeignKey(AuthorizationCode, models.CASCADE, null=True)
    client_id = models.CharField(max_length=80)
    scope = models.TextField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"Access token of {self.account}"
