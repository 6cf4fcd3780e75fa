"""The one registered client, the portal, and how it shows who it is."""

from datetime import UTC, datetime, timedelta

from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from django.conf import settings
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from sandbox.idme import keys
from sandbox.idme.models import ClientAssertion

AUTH_METHODS = ["client_secret_basic", "client_secret_post", "private_key_jwt"]
CIBA = "urn:openid:params:grant-type:ciba"
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
        return method in AUTH_METHODS

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type in grant_types()


class PrivateKeyJwt(JWTBearerClientAssertion):
    """RFC 7523 2.2, with the keys that the client publishes for signing."""

    CLIENT_AUTH_METHOD = "private_key_jwt"

    def extract_assertion(self, assertion):
        headers, claims = super().extract_assertion(assertion)
        keys.know_client_key(headers.get("kid"))
        return headers, claims

    def resolve_client_public_key(self, client):
        return keys.client_verification_keys()

    def get_audiences(self):
        origin = settings.SANDBOX_ORIGIN
        paths = ["/oauth/token", "/oauth/backchannel"]
        return [settings.IDME_ISSUER, *(origin + path for path in paths)]

    def validate_jti(self, claims, jti):
        now = timezone.now()
        ClientAssertion.objects.filter(
            expires_at__lt=now - timedelta(minutes=5)
        ).delete()
        _, is_new = ClientAssertion.objects.get_or_create(
            jti=jti,
            defaults={"expires_at": datetime.fromtimestamp(claims["exp"], UTC)},
        )
        return is_new


def grant_types() -> list[str]:
    usual = ["authorization_code", "refresh_token"]
    return [*usual, CIBA] if settings.IDME_BACKCHANNEL else usual
