"""System checks of the identity provider's settings."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import Error
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from mfa.oidc import own_keys
from mfa.oidc.provider_settings import idme_settings

CLAIMS = {"ial", "aal", "email", "first_name", "last_name", "devices", "device"}
MIN_RSA_BITS = 2048  # SP 800-131A
MIN_MESSAGE = 20  # characters; CIBA lets a provider refuse longer ones
MAX_TIMEOUT = 30  # seconds
NOT_ACCEPTED_AMR = {"sms", "tel"}  # 21 CFR 1311.115; ID.me's rule for prescribers


def _issuer() -> Error | None:
    issuer = urlsplit(idme_settings().issuer)
    schemes = ["https", "http"] if settings.DEMO else ["https"]
    is_plain = not (issuer.query or issuer.fragment or issuer.username)
    if issuer.scheme in schemes and issuer.hostname and is_plain:
        return None
    return Error(
        "IDME_ISSUER is not the address of an OpenID Provider.",
        hint="Copy the issuer from its discovery document, letter by letter.",
        id="idme.E001",
    )


def _client() -> Error | None:
    if bool(idme_settings().client_secret) != bool(idme_settings().client_key_file):
        return None
    return Error(
        "The portal needs one way to show the provider who it is.",
        hint="Set either IDME_CLIENT_SECRET or IDME_CLIENT_KEY_FILE.",
        id="idme.E002",
    )


def _client_key() -> Error | None:
    if not idme_settings().client_key_file or _is_usable(own_keys.client_key):
        return None
    return Error(
        "IDME_CLIENT_KEY_FILE is not a private key, RSA of 2048 bits or P-256, in PEM.",
        id="idme.E003",
    )


def _userinfo_key() -> Error | None:
    if _is_usable(own_keys.userinfo_key):
        return None
    return Error(
        "IDME_USERINFO_KEY_FILE is not a private RSA key of 2048 bits, in PEM.",
        id="idme.E004",
    )


def _scopes() -> Error | None:
    if "openid" in idme_settings().scopes.split():
        return None
    return Error("IDME_SCOPES lacks openid.", id="idme.E005")


def _claims() -> Error | None:
    if set(idme_settings().claims) == CLAIMS and all(idme_settings().claims.values()):
        return None
    return Error(
        "IDME_CLAIMS names something that the portal does not know, or by nothing.",
        hint=f"It knows {', '.join(sorted(CLAIMS))}.",
        id="idme.E006",
    )


def _push_methods() -> Error | None:
    if not NOT_ACCEPTED_AMR.intersection(idme_settings().push_amr):
        return None
    return Error(
        "IDME_PUSH_AMR takes a text message or a call for a push.",
        hint="Leave sms and tel out: they do not confirm controlled substances.",
        id="idme.E007",
    )


def _binding_message() -> Error | None:
    if idme_settings().binding_message_length >= MIN_MESSAGE:
        return None
    return Error(
        f"IDME_BINDING_MESSAGE_LENGTH is less than {MIN_MESSAGE}: a phone could not "
        "show what is asked.",
        id="idme.E008",
    )


def _timeout() -> Error | None:
    if 0 < idme_settings().timeout <= MAX_TIMEOUT:
        return None
    return Error(
        f"IDME_TIMEOUT is not between 0 and {MAX_TIMEOUT} seconds.",
        hint="Every page that needs the provider may wait this long.",
        id="idme.E009",
    )


def _is_usable(load: Callable[[], RSAKey | ECKey]) -> bool:
    try:
        key = load()
    except (OSError, JoseError, ValueError, TypeError):
        return False
    if isinstance(key, ECKey):
        return key.is_private and key.curve_name == "P-256"
    return _is_strong(key)


def _is_strong(key: RSAKey) -> bool:
    return key.is_private and key.raw_value.key_size >= MIN_RSA_BITS


CHECKS = [
    _issuer,
    _client,
    _client_key,
    _userinfo_key,
    _scopes,
    _claims,
    _push_methods,
    _binding_message,
    _timeout,
]
