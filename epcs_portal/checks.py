"""Settings that would make the portal unsafe are errors before it starts."""

from django.conf import settings
from django.core.checks import Error, Tags, register

from mfa.idme import checks as idme_checks

SECRET_KEY_LENGTH = 50  # characters


@register(Tags.security)
def check_settings(app_configs, **kwargs) -> list[Error]:
    return [error for check in CHECKS if (error := check())]


def _transactions() -> Error | None:
    if not settings.DATABASES["default"].get("ATOMIC_REQUESTS"):
        return None
    return Error(
        "ATOMIC_REQUESTS would give failed codes back when a request fails.",
        hint="Leave it off.",
        id="portal.E001",
    )


def _sqlite() -> Error | None:
    database = settings.DATABASES["default"]
    mode = database.get("OPTIONS", {}).get("transaction_mode")
    if "sqlite" not in database["ENGINE"] or mode == "IMMEDIATE":
        return None
    return Error(
        "SQLite without IMMEDIATE transactions loses updates under load.",
        id="portal.E002",
    )


def _otp_totp() -> Error | None:
    if not any(app.startswith("django_otp.plugins") for app in settings.INSTALLED_APPS):
        return None
    return Error(
        "The plugins of django-otp keep and show secrets in clear.",
        id="portal.E003",
    )


def _otp_sync() -> Error | None:
    if not settings.OTP_TOTP_SYNC:
        return None
    return Error("OTP_TOTP_SYNC follows a clock without bound.", id="portal.E004")


def _sessions() -> Error | None:
    if not settings.SESSION_ENGINE.endswith("signed_cookies"):
        return None
    return Error(
        "Sessions in cookies hand PKCE verifiers to the browser.", id="portal.E005"
    )


def _origin() -> Error | None:
    if settings.PORTAL_IS_HTTPS or settings.DEMO:
        return None
    return Error(
        "PORTAL_ORIGIN has to be https outside demonstration mode.", id="portal.E006"
    )


def _debug() -> Error | None:
    if not (settings.DEBUG and settings.PORTAL_IS_HTTPS):
        return None
    return Error("DEBUG shows secrets to whoever sees an error.", id="portal.E007")


def _secret_key() -> Error | None:
    if len(settings.SECRET_KEY) >= SECRET_KEY_LENGTH:
        return None
    return Error(
        f"SECRET_KEY is shorter than {SECRET_KEY_LENGTH} characters.", id="portal.E008"
    )


CHECKS = [
    _transactions,
    _sqlite,
    _otp_totp,
    _otp_sync,
    _sessions,
    _origin,
    _debug,
    _secret_key,
    *idme_checks.CHECKS,
]
