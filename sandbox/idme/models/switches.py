from django.db import models


class Endpoint(models.TextChoices):
    DISCOVERY = "discovery", "Discovery and keys"
    AUTHORIZE = "authorize", "Authorize"
    TOKEN = "token", "Token"
    USERINFO = "userinfo", "Userinfo"
    BACKCHANNEL = "backchannel", "Backchannel (push)"


class Fault(models.TextChoices):
    SLOW = "slow", "Answers after a long time"
    DOWN = "down", "Down (HTTP 503)"
    HANG_UP = "hang_up", "Cuts the connection"
    HTML = "html", "HTML instead of JSON"
    WRONG_ISSUER = "wrong_issuer", "Names another issuer"
    EXPIRED_KEY = "expired_key", "Signs with a key that is no longer published"


class Switch(models.Model):
    """What an endpoint does wrong on purpose; without a row, nothing."""

    endpoint = models.CharField(max_length=11, choices=Endpoint.choices, unique=True)
    fault = models.CharField(max_length=12, choices=Fault.choices)

    class Meta:
        verbose_name_plural = "switches"

    def __str__(self) -> str:
        return f"{self.get_endpoint_display()}: {self.get_fault_display()}"
