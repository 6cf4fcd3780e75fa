"""The discovery document."""

from django.conf import settings

from sandbox.idme import clients, switches
from sandbox.idme.models import Endpoint


def document() -> dict:
    origin = settings.SANDBOX_ORIGIN
    return {
        "issuer": switches.issuer_of(Endpoint.DISCOVERY),
        "authorization_endpoint": f"{origin}/oauth/authorize",
        "token_endpoint": f"{origin}/oauth/token",
        "userinfo_endpoint": f"{origin}/api/public/v3/userinfo",
        "jwks_uri": f"{origin}/oidc/.well-known/jwks",
        "scopes_supported": ["openid"],
        "response_types_supported": ["code"],
        "grant_types_supported": clients.grant_types(),
        "subject_types_supported": ["public"],
        "code_challenge_methods_supported": ["S256"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "userinfo_signing_alg_values_supported": ["RS256"],
        "userinfo_encryption_alg_values_supported": ["RSA-OAEP"],
        "userinfo_encryption_enc_values_supported": ["A256CBC-HS512"],
        "token_endpoint_auth_methods_supported": clients.AUTH_METHODS,
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "ES256"],
        "authorization_response_iss_parameter_supported": True,
    } | (_backchannel(origin) if settings.IDME_BACKCHANNEL else {})


def _backchannel(origin: str) -> dict:
    """CIBA Core 4, and an extension member: the phone asks for a number to match."""
    return {
        "backchannel_authentication_endpoint": f"{origin}/oauth/backchannel",
        "backchannel_token_delivery_modes_supported": ["poll"],
        "backchannel_user_code_parameter_supported": False,
        "backchannel_number_matching_supported": True,
    }
