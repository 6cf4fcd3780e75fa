"""The OpenID Provider: its authorization server and what is registered with it."""

from authlib.common.urls import add_params_to_uri
from authlib.integrations.django_oauth2 import (
    AuthorizationServer as DjangoAuthorizationServer,
)
from authlib.oauth2.rfc6749 import InvalidClientError
from django.conf import settings

from sandbox.idme import ciba, grants, issued, switches
from sandbox.idme.clients import Client, PrivateKeyJwt
from sandbox.idme.models import AccessToken, Endpoint


class AuthorizationServer(DjangoAuthorizationServer):
    def query_client(self, client_id):
        return Client() if client_id and client_id == settings.IDME_CLIENT_ID else None

    def generate_token(self, *args, **kwargs):
        token = super().generate_token(*args, **kwargs)
        if "refresh_token" in token:
            lifetime = issued.REFRESH_TOKEN_LIFETIME
            token["refresh_expires_in"] = int(lifetime.total_seconds())
        return token

    def save_token(self, token, request):
        refreshed = request.refresh_token
        issued.keep(
            token,
            code=refreshed.code if refreshed else request.authorization_code,
            account=request.user,
            client_id=request.client.get_client_id(),
            scope=token["scope"],
        )

    def handle_response(self, status_code, payload, headers):
        response = super().handle_response(status_code, payload, headers)
        if "Location" in response:  # RFC 9207 2
            response["Location"] = add_params_to_uri(
                response["Location"], {"iss": switches.issuer_of(Endpoint.AUTHORIZE)}
            )
        return response

    def handle_error_response(self, request, error):
        if isinstance(error, InvalidClientError):
            error.status_code = 401
        return super().handle_error_response(request, error)


server = AuthorizationServer(client_model=Client, token_model=AccessToken)
server.register_client_auth_method("private_key_jwt", PrivateKeyJwt())
server.register_grant(
    grants.AuthorizationCodeGrant,
    [grants.IdToken(require_nonce=True), grants.RequiredS256()],
)
server.register_grant(grants.RefreshTokenGrant)
server.register_grant(ciba.BackchannelGrant, [ciba.BackchannelIdToken()])
server.register_endpoint(ciba.BackchannelEndpoint)
