"""Settings that would make the portal unsafe stop it before it starts."""

import os
from typing import Any

from django.conf import settings
from django.core.checks import Error, Tags, Warning, register

from epcs_portal.environment import variables
from mfa.idme import checks as idme_checks
from prescriptions import script, signer
from prescriptions.network_settings import script_settings
from prescriptions.safeguards import certification

SECRET_KEY_LENGTH = 50  # characters


@register(Tags.security)
def check_settings(app_configs: Any, **kwargs: Any) -> list[Error]:
    return [error for check in CHECKS if (error := check())]


@register(Tags.security)
def check_variable_names(app_configs: Any, **kwargs: Any) -> list[Warning]:
    """Warn about a variable that nothing reads and that is nearly a setting."""
    return [
        Warning(
            f"The environment variable {name} is not a setting of the portal.",
            hint=f"Did you mean {closest}?",
            id="portal.W003",
        )
        for name, closest in variables.misspelled(os.environ).items()
    ]


@register(Tags.security, deploy=True)
def check_signing_module(app_configs: Any, **kwargs: Any) -> list[Warning]:
    """Warn about what an auditor of 21 CFR 1311.120(b)(16) will ask."""
    if settings.DEMO:
        return []
    return [warning for warning in [_fips(), _secret_in_environment()] if warning]


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


def _live_demonstration() -> Error | None:
    if not (settings.DEMO and certification.is_live()):
        return None
    return Error(
        "SCRIPT_NETWORK_URL may reach real pharmacies, and this is a demonstration.",
        hint="Use an address of this machine, or name the host of the network's test "
        "system in SCRIPT_TEST_HOSTS.",
        id="portal.E009",
    )


def _script_version() -> Error | None:
    if script_settings().version in script.VERSIONS:
        return None
    return Error(
        f"SCRIPT_VERSION is none of {', '.join(script.VERSIONS)}.",
        hint="Ask the pharmacy network which one it takes.",
        id="portal.E011",
    )


def _script_answers() -> Error | None:
    meanings = [outcome.value for outcome in script.Outcome]
    unknown = [
        f"{answer}={meaning}"
        for answer, meaning in script_settings().answers.items()
        if meaning not in meanings or answer.split("/")[0] not in ("Status", "Error")
    ]
    if not unknown:
        return None
    return Error(
        f"SCRIPT_ANSWERS says what nobody understands: {', '.join(unknown)}.",
        hint=f"Write Status/010=passed on; the meanings are {', '.join(meanings)}.",
        id="portal.E012",
    )


def _key_store() -> Error | None:
    store = settings.SIGNING_KEY_STORE
    required = variables.required_with(f"SIGNING_KEY_STORE={store}")
    if required and all(getattr(settings, name) for name in required):
        return None
    return Error(
        "SIGNING_KEY_STORE is file, with SIGNING_KEY_FILE, or pkcs11, with "
        "SIGNING_PKCS11_MODULE and SIGNING_PKCS11_TOKEN.",
        id="portal.E010",
    )


def _fips() -> Warning | None:
    try:
        is_fips = signer.module().is_fips
    except signer.SignerUnavailable:
        is_fips = None
    if is_fips or settings.SIGNING_MODULE_CERTIFICATE:
        return None
    return Warning(
        "Nothing says that the signing module is validated to FIPS 140-2 Level 1.",
        hint="Use a validated module, and name its certificate in "
        "SIGNING_MODULE_CERTIFICATE.",
        id="portal.W001",
    )


def _secret_in_environment() -> Warning | None:
    if not (settings.SIGNING_KEY_PASSPHRASE or settings.SIGNING_KEY_PIN):
        return None
    return Warning(
        "The secret of the signing key stays readable in the environment.",
        hint="Use SIGNING_KEY_PASSPHRASE_FILE or SIGNING_KEY_PIN_FILE.",
        id="portal.W002",
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
    _live_demonstration,
    _key_store,
    *idme_checks.CHECKS,
    _script_version,
    _script_answers,
]
