"""Authlib's grants for a code and for a refresh token, with ID.me's habits."""

from authlib.oauth2.rfc6749 import InvalidRequestError, grants
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode
from django.utils import timezone

from sandbox.idme import issued, switches
from sandbox.idme.clients import AUTH_METHODS
from sandbox.idme.models import AuthorizationCode, Endpoint, RefreshToken


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
        return switches.signing_key_of(Endpoint.TOKEN)

    def get_encode_header(self, client):
        return {"alg": "RS256", "kid": switches.signing_key_of(Endpoint.TOKEN).kid}

    def get_client_claims(self, client):
        issuer = switches.issuer_of(Endpoint.TOKEN)
        return {"iss": issuer, "aud": client.get_client_id()}

    def get_authorization_code_claims(self, authorization_code):
        claims = super().get_authorization_code_claims(authorization_code)
        if authorization_code.device_id:
            claims["mfa_device"] = authorization_code.device_id
        return claims

    def generate_user_info(self, user, scope):
        return {"sub": str(user.subject)}


class AuthorizationCodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS

    def save_authorization_code(self, code, request):
        AuthorizationCode.objects.create(
            digest=issued.digest_of(code),
            account=request.user,
            client_id=request.client.get_client_id(),
            redirect_uri=request.payload.redirect_uri,
            scope=request.scope,
            nonce=request.payload.data["nonce"],
            code_challenge=request.payload.data["code_challenge"],
            code_challenge_method=request.payload.data["code_challenge_method"],
            auth_time=request.user.authenticated_at,
            amr=request.user.amr,
            device_id=request.user.mfa_device,
            expires_at=timezone.now() + issued.CODE_LIFETIME,
        )

    def query_authorization_code(self, code, client):
        found = AuthorizationCode.objects.filter(
            digest=issued.digest_of(code), client_id=client.get_client_id()
        ).first()
        if found and found.used_at:
            issued.revoke_tokens_of(found)
        if not found or found.used_at or found.expires_at <= timezone.now():
            return None
        return found

    def delete_authorization_code(self, authorization_code):
        authorization_code.used_at = timezone.now()
        authorization_code.save(update_fields=["used_at"])

    def authenticate_user(self, authorization_code):
        return authorization_code.account


class RefreshTokenGrant(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS

    def authenticate_refresh_token(self, refresh_token):
        return RefreshToken.objects.filter(
            digest=issued.digest_of(refresh_token),
            revoked_at=None,
            expires_at__gt=timezone.now(),
        ).first()

    def authenticate_user(self, refresh_token):
        return refresh_token.account

    def revoke_old_credential(self, refresh_token):
        """Keep it: ID.me does not rotate refresh tokens."""
