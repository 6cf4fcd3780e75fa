"""The OpenID Provider: authlib's grants, with ID.me's documented habits.

A later backchannel (CIBA) grant registers itself beside the two grants here.
"""

import hashlib
from datetime import timedelta

from authlib.common.urls import add_params_to_uri
from authlib.integrations.django_oauth2 import (
    AuthorizationServer as DjangoAuthorizationServer,
)
from authlib.oauth2.rfc6749 import ClientMixin, InvalidRequestError, grants
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode
from django.conf import settings
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from sandbox.idme import keys
from sandbox.idme.models import AccessToken, AuthorizationCode, RefreshToken

CODE_LIFETIME = timedelta(minutes=5)
ACCESS_TOKEN_LIFETIME = timedelta(seconds=300)
REFRESH_TOKEN_LIFETIME = timedelta(days=7)
IDENTITY_VERIFIED_SCOPES = {
    "http://idmanagement.gov/ns/assurance/ial/2/aal/1",
    "http://idmanagement.gov/ns/assurance/ial/2/aal/2",
    "http://idmanagement.gov/ns/assurance/ial/2/aal/2-always-verify",
}
SCOPES = IDENTITY_VERIFIED_SCOPES | {
    "openid",
    "login",
    "http://idmanagement.gov/ns/assurance/ial/1/aal/1",
    "http://idmanagement.gov/ns/assurance/ial/1/aal/2",
}


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class Client(ClientMixin):
    """The one registered client: the portal, as the environment describes it."""

    def get_client_id(self):
        return settings.IDME_CLIENT_ID

    client_id = property(get_client_id)

    def get_default_redirect_uri(self):
        return None

    def get_allowed_scope(self, scope):
        asked = (scope or "").split()
        return " ".join(asked) if asked and SCOPES.issuperset(asked) else None

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri in settings.IDME_REDIRECT_URIS

    def check_client_secret(self, client_secret):
        return constant_time_compare(client_secret, settings.IDME_CLIENT_SECRET)

    def check_endpoint_auth_method(self, method, endpoint):
        return method in ("client_secret_basic", "client_secret_post")

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type in ("authorization_code", "refresh_token")


class AuthorizationServer(DjangoAuthorizationServer):
    def query_client(self, client_id):
        return Client() if client_id and client_id == settings.IDME_CLIENT_ID else None

    def generate_token(self, *args, **kwargs):
        token = super().generate_token(*args, **kwargs)
        if "refresh_token" in token:
            token["refresh_expires_in"] = int(REFRESH_TOKEN_LIFETIME.total_seconds())
        return token

    def save_token(self, token, request):
        now = timezone.now()
        issued_for = {
            "account": request.user,
            "client_id": request.client.get_client_id(),
            "scope": token["scope"],
            "code": request.authorization_code or request.refresh_token.code,
        }
        AccessToken.objects.create(
            digest=digest_of(token["access_token"]),
            expires_at=now + ACCESS_TOKEN_LIFETIME,
            **issued_for,
        )
        if "refresh_token" in token:
            RefreshToken.objects.create(
                digest=digest_of(token["refresh_token"]),
                expires_at=now + REFRESH_TOKEN_LIFETIME,
                **issued_for,
            )

    def handle_response(self, status_code, payload, headers):
        response = super().handle_response(status_code, payload, headers)
        if "Location" in response:  # RFC 9207 2
            response["Location"] = add_params_to_uri(
                response["Location"], {"iss": settings.IDME_ISSUER}
            )
        return response


class RequiredS256(CodeChallenge):
    """PKCE with S256, asked of confidential clients too."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]

    def validate_code_challenge(self, grant, redirect_uri):
        asked = grant.request.payload.data
        if not asked.get("code_challenge"):
            raise InvalidRequestError("Missing 'code_challenge'")
        if asked.get("code_challenge_method") != "S256":
            raise InvalidRequestError("'code_challenge_method' must be S256")
        super().validate_code_challenge(grant, redirect_uri)


class IdToken(OpenIDCode):
    def exists_nonce(self, nonce, request):
        return AuthorizationCode.objects.filter(nonce=nonce).exists()

    def resolve_client_private_key(self, client):
        return keys.current_signing_key()

    def get_encode_header(self, client):
        return {"alg": "RS256", "kid": keys.current_signing_key().kid}

    def get_client_claims(self, client):
        return {"iss": settings.IDME_ISSUER, "aud": client.get_client_id()}

    def generate_user_info(self, user, scope):
        return {"sub": str(user.subject)}


class AuthorizationCodeGrant(grants.AuthorizationCodeGrant):
    def save_authorization_code(self, code, request):
        AuthorizationCode.objects.create(
            digest=digest_of(code),
            account=request.user,
            client_id=request.client.get_client_id(),
            redirect_uri=request.payload.redirect_uri,
            scope=request.scope,
            nonce=request.payload.data["nonce"],
            code_challenge=request.payload.data["code_challenge"],
            code_challenge_method=request.payload.data["code_challenge_method"],
            auth_time=request.user.authenticated_at,
            expires_at=timezone.now() + CODE_LIFETIME,
        )

    def query_authorization_code(self, code, client):
        found = AuthorizationCode.objects.filter(
            digest=digest_of(code), client_id=client.get_client_id()
        ).first()
        if found and found.used_at:
            revoke_tokens_of(found)
        if not found or found.used_at or found.expires_at <= timezone.now():
            return None
        return found

    def delete_authorization_code(self, authorization_code):
        authorization_code.used_at = timezone.now()
        authorization_code.save(update_fields=["used_at"])

    def authenticate_user(self, authorization_code):
        return authorization_code.account


class RefreshTokenGrant(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]

    def authenticate_refresh_token(self, refresh_token):
        return RefreshToken.objects.filter(
            digest=digest_of(refresh_token),
            revoked_at=None,
            expires_at__gt=timezone.now(),
        ).first()

    def authenticate_user(self, refresh_token):
        return refresh_token.account

    def revoke_old_credential(self, refresh_token):
        """Keep it: ID.me does not rotate refresh tokens."""


def revoke_tokens_of(code: AuthorizationCode) -> None:
    """End every token that came of a code; somebody used the code twice."""
    now = timezone.now()
    for tokens in (AccessToken.objects, RefreshToken.objects):
        tokens.filter(code=code, revoked_at=None).update(revoked_at=now)


def spend_access_token(token: str) -> AccessToken | None:
    """Return the token if this is its first use in time; revoke it on any other."""
    now = timezone.now()
    tokens = AccessToken.objects.filter(digest=digest_of(token), revoked_at=None)
    fresh = tokens.filter(used_at=None, expires_at__gt=now)
    if fresh.update(used_at=now):
        return tokens.select_related("account").get()
    tokens.update(revoked_at=now)
    return None


server = AuthorizationServer(client_model=Client, token_model=AccessToken)
server.register_grant(
    AuthorizationCodeGrant, [IdToken(require_nonce=True), RequiredS256()]
)
server.register_grant(RefreshTokenGrant)
