"""Client-Initiated Backchannel Authentication: the endpoint, and the grant polled for.

OpenID Connect CIBA Core 1.0, poll mode. Three extensions that discovery announces or a
client may leave out: `device` says which phone to ask, `match_number` which number the
person must type there, and `decline_reason` whether they said that it was not them.
"""

import re
import uuid

from authlib.oauth2.rfc6749 import (
    AccessDeniedError,
    BaseGrant,
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Error,
    TokenEndpointMixin,
    UnauthorizedClientError,
)
from authlib.oauth2.rfc6749.hooks import hooked
from authlib.oauth2.rfc6749.token_endpoint import TokenEndpoint
from authlib.oauth2.rfc8628 import (
    AuthorizationPendingError,
    ExpiredTokenError,
    SlowDownError,
)
from django.conf import settings

from sandbox.idme import approvals, issued
from sandbox.idme.clients import AUTH_METHODS, CIBA
from sandbox.idme.grants import IdToken
from sandbox.idme.models import Account, Approval, Decision, Device

MESSAGE_LENGTH = 200
DEFAULT_LIFETIME = 300  # seconds
MAX_LIFETIME = 600  # seconds
PARAMETERS = [
    *("scope", "login_hint", "binding_message", "requested_expiry"),
    *("device", "match_number"),
]


class UnknownUserId(OAuth2Error):
    error = "unknown_user_id"


class InvalidBindingMessage(OAuth2Error):
    error = "invalid_binding_message"


class Declined(AccessDeniedError):
    def __init__(self, decision: str):
        super().__init__()
        self.decision = decision

    def get_body(self):
        body = super().get_body()
        if self.decision == Decision.NOT_ME:
            body.append(("decline_reason", "not_me"))
        return body


class BackchannelEndpoint(TokenEndpoint):
    ENDPOINT_NAME = "backchannel_authentication"
    CLIENT_AUTH_METHODS = AUTH_METHODS

    def create_endpoint_response(self, request):
        client = self.authenticate_endpoint_client(request)
        if not client.check_grant_type(CIBA):
            raise UnauthorizedClientError()
        _check_no_repetition(request)
        asked = request.form
        scope = client.get_allowed_scope(asked.get("scope", ""))
        if scope is None or "openid" not in scope.split():
            raise InvalidScopeError()
        message = asked.get("binding_message", "")
        if len(message) > MESSAGE_LENGTH:
            raise InvalidBindingMessage()
        lifetime = _lifetime(asked.get("requested_expiry"))
        request_id = approvals.ask(
            _device_of(_account(asked.get("login_hint")), asked.get("device"), client),
            expires_in=lifetime,
            client_id=client.get_client_id(),
            scope=scope,
            message=message,
            number=_number(asked.get("match_number", "")),
        )
        answer = {
            "auth_req_id": request_id,
            "expires_in": lifetime,
            "interval": settings.IDME_BACKCHANNEL_INTERVAL,
        }
        return 200, answer, BaseGrant.TOKEN_RESPONSE_HEADER


class BackchannelGrant(BaseGrant, TokenEndpointMixin):
    GRANT_TYPE = CIBA
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS

    def validate_token_request(self):
        client = self.authenticate_token_endpoint_client()
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError()
        approval = Approval.objects.filter(
            digest=issued.digest_of(self.request.form.get("auth_req_id", "")),
            client_id=client.get_client_id(),
            used_at=None,
        ).first()
        if approval is None:
            raise InvalidGrantError()
        _check_approved(approval)
        self.request.client = client
        self.request.credential = approval
        self.request.user = approval.account

    @hooked
    def create_token_response(self):
        approval = self.request.credential
        if not approvals.use_up(approval):
            raise InvalidGrantError()
        token = self.generate_token(
            user=approval.account, scope=approval.scope, include_refresh_token=False
        )
        self.save_token(token)
        return 200, token, self.TOKEN_RESPONSE_HEADER


class BackchannelIdToken(IdToken):
    """CIBA Core 7.3 asks for these claims of pushed ID tokens; polled ones have them too."""

    def __call__(self, grant):
        grant.register_hook("after_create_token_response", self.process_token)

    def get_compatible_claims(self, request):
        approval = request.credential
        return super().get_compatible_claims(request) | {
            "auth_time": int(approval.decided_at.timestamp()),
            "amr": approval.device.amr,
            "mfa_device": str(approval.device_id),
            "urn:openid:params:jwt:claim:auth_req_id": request.form["auth_req_id"],
        }


def _check_approved(approval: Approval) -> None:
    """Raise what the client is told until there is an approval; a no outlives expiry."""
    if approval.decision not in (Decision.WAITING, Decision.APPROVED):
        raise Declined(approval.decision)
    if approval.is_expired:
        raise ExpiredTokenError()
    if approval.decision == Decision.WAITING:
        is_soon = approvals.asked_too_soon(approval)
        raise SlowDownError() if is_soon else AuthorizationPendingError()


def _check_no_repetition(request) -> None:
    for name in PARAMETERS:
        if len(request.payload.datalist.get(name, [])) > 1:
            raise InvalidRequestError(f"Multiple '{name}' in request.")


def _account(login_hint: str | None) -> Account:
    if not login_hint:
        raise InvalidRequestError("Missing 'login_hint' in request.")
    try:
        subject = uuid.UUID(login_hint)
    except ValueError:
        raise UnknownUserId() from None
    account = Account.objects.filter(subject=subject).first()
    if account is None:
        raise UnknownUserId()
    return account


def _device_of(account: Account, device_id: str | None, client) -> Device:
    """Return the phone to ask: the one named, or else the account's first."""
    consented = account.consents.filter(client_id=client.get_client_id()).exists()
    for device in account.devices.push() if consented else []:
        if device_id in (None, str(device.pk)):
            return device
    raise AccessDeniedError(status_code=403)


def _number(text: str) -> str:
    if text and not re.fullmatch(r"[0-9]{2}", text, re.ASCII):
        raise InvalidRequestError("'match_number' must be two digits.")
    return text


def _lifetime(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIFETIME
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text, re.ASCII):
        raise InvalidRequestError("'requested_expiry' must be a positive integer.")
    return min(int(text), MAX_LIFETIME)
