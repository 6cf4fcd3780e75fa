"""The OpenID Connect client of ID.me, or of any provider with discovery.

OpenID Connect Core 1.0, RFC 7636 (PKCE), RFC 9207 (iss), RFC 9700. A finished sign-in
leaves nothing in the session.
"""

import base64
import time
from functools import cache
from urllib.parse import quote_plus

import requests
from authlib.common.urls import add_params_to_qs
from authlib.integrations.django_client import DjangoOAuth2App
from authlib.oauth2.auth import ClientAuth
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from joserfc.jwk import KeySet

from audit.reasons import Reason
from mfa.oidc import own_keys, tokens
from mfa.oidc.discovery import DEPARTURE_LIFE, Discovery
from mfa.oidc.errors import IdmeRefused, IdmeUnavailable, from_protocol
from mfa.oidc.http import BoundedSession, shared_timeout
from mfa.oidc.pending import PendingSignIns
from mfa.oidc.provider_settings import idme_settings
from mfa.oidc.responses import SignIn, SignInPurpose, Tokens, Userinfo, moment

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# When and how the person signed in, where the provider lets us ask; Core 5.5.
REQUESTED_CLAIMS = '{"id_token":{"auth_time":{"essential":true},"amr":null}}'


class IdmeClient(DjangoOAuth2App):
    """authlib's client without the defaults too lenient for identity proofing."""

    client_cls = BoundedSession

    def __init__(self) -> None:
        super().__init__(
            PendingSignIns("idme"),
            name="idme",
            client_id=idme_settings().client_id,
            client_secret=idme_settings().client_secret,
            client_kwargs={
                "scope": idme_settings().scopes,
                "code_challenge_method": "S256",
            },
            client_auth_methods=[
                ("client_secret_basic", _with_basic),
                ("private_key_jwt", _with_assertion),
            ],
        )
        self._discovery = Discovery(self._fetch)

    @shared_timeout()
    def begin(
        self, request: HttpRequest, *, purpose: SignInPurpose, next_path: str
    ) -> str:
        """Store a pending sign-in in the session; return the URL to redirect to.

        Raise IdmeUnavailable: the metadata is fetched just before, because a person sent
        to a site that is down can no longer be told.
        """
        self._discovery.metadata(life=DEPARTURE_LIFE)
        redirect_uri = settings.PORTAL_ORIGIN + reverse("idme-callback")
        started = self.create_authorization_url(
            redirect_uri,
            prompt="login",
            max_age=0,
            op="signin",
            **self.requested_claims(),
        )
        self.save_authorize_data(
            request,
            state=started["state"],
            nonce=started["nonce"],
            code_verifier=started["code_verifier"],
            redirect_uri=redirect_uri,
            purpose=purpose,
            next_path=next_path,
            started_at=time.time(),
        )
        return started["url"]

    @shared_timeout()
    def finish(self, request: HttpRequest) -> SignIn:
        """Return the sign-in that a callback completes.

        Raise IdmeRefused or IdmeUnavailable. The state is checked first, even before an
        error (RFC 6749 10.12).
        """
        state = request.GET.get("state", "")
        pending = self.framework.take(request.session, state)
        code = self._code_in(_parameters(request))
        granted = self.exchange(
            grant_type="authorization_code",
            code=code,
            redirect_uri=pending["redirect_uri"],
            code_verifier=pending["code_verifier"],
        )
        claims = self._identity_in(granted, nonce=pending["nonce"])
        userinfo = self.userinfo_of(granted, subject=claims["sub"], known=claims)
        self.framework.forget_all(request.session)
        return SignIn(
            subject=claims["sub"],
            auth_time=moment(claims.get("auth_time")),
            userinfo=userinfo,
            tokens=granted,
            purpose=SignInPurpose(pending["purpose"]),
            next_path=pending["next_path"],
            started_at=pending["started_at"],
            id_token=claims,
        )

    def exchange(self, **grant: str) -> Tokens:
        """Exchange a code or a refresh token for tokens; raise IdmeError."""
        answer = self.post("token_endpoint", **grant)
        if "error" in answer:
            raise from_protocol(answer["error"])
        return Tokens.of(answer)

    def refresh(self, refresh_token: str) -> Tokens:
        """Exchange a refresh token for tokens; raise IdmeError."""
        return self.exchange(grant_type="refresh_token", refresh_token=refresh_token)

    def post(self, endpoint: str, **form: str) -> dict:
        """Return the answer to a form, or its `error`; raise IdmeUnavailable."""
        metadata = self.load_server_metadata()
        if endpoint not in metadata:
            raise IdmeUnavailable
        with self._get_oauth_client(**metadata) as session:
            response = session.request(
                "POST",
                metadata[endpoint],
                auth=session.client_auth(session.token_endpoint_auth_method),
                headers={"Accept": "application/json"},
                data=form,
            )
        answer = _json(response)
        if response.status_code != 200 and "error" not in answer:
            raise IdmeUnavailable
        return answer

    def requested_claims(self) -> dict[str, str]:
        """Return the parameter that requests claims an ID token may omit."""
        supported = self.load_server_metadata().get("claims_parameter_supported")
        return {"claims": REQUESTED_CLAIMS} if supported is True else {}

    def userinfo_of(
        self, granted: Tokens, *, subject: str, known: dict | None = None
    ) -> Userinfo:
        """Return checked userinfo over the `known` claims; raise IdmeError.

        It spends the access token: ID.me accepts one only once.
        """
        endpoint = self.load_server_metadata().get("userinfo_endpoint")
        if endpoint is None:
            return Userinfo(known or {}, is_sealed=False)
        headers = {"Authorization": f"Bearer {granted.access_token}"}
        with self._get_session() as session:
            response = session.request(
                "GET", endpoint, withhold_token=True, headers=headers
            )
        _check_userinfo_status(response)
        return self._opened(response, subject=subject, known=known or {})

    def load_server_metadata(self) -> dict:
        """Return the provider's metadata; authlib calls it, too."""
        return self._discovery.metadata()

    def keys(self, force: bool = False) -> KeySet:
        """Return the provider's signing keys; `force` fetches them again."""
        return self._discovery.keys(force)

    def _fetch(self, url: str) -> dict:
        with self._get_session() as session:
            response = session.request("GET", url, withhold_token=True)
        if response.status_code != 200:
            raise IdmeUnavailable
        return _json(response)

    def _code_in(self, answer: dict[str, str]) -> str:
        """Return the code in ID.me's own answer, or raise what its error means."""
        sends_issuer = self.load_server_metadata().get(
            "authorization_response_iss_parameter_supported"
        )
        issuer = answer.get(
            "iss", None if sends_issuer is True else idme_settings().issuer
        )
        if issuer != idme_settings().issuer:
            raise IdmeRefused(Reason.BAD_ANSWER)
        if "error" in answer:
            raise from_protocol(answer["error"])
        if not answer.get("code"):
            raise IdmeRefused(Reason.BAD_ANSWER)
        return answer["code"]

    def _identity_in(self, granted: Tokens, *, nonce: str) -> dict:
        check_policy(granted.scope)
        header, claims = tokens.signed_claims(granted.id_token, keys=self.keys)
        tokens.check_id_token(
            header, claims, nonce=nonce, access_token=granted.access_token
        )
        return claims

    def _opened(
        self, response: requests.Response, *, subject: str, known: dict
    ) -> Userinfo:
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip()
        is_sealed = is_signed = kind.lower() == "application/jwt"
        if is_signed:
            token = response.text.strip()
            is_sealed = token.count(".") == 4
            token = tokens.decrypted(token) if is_sealed else token
            _, claims = tokens.signed_claims(token, keys=self.keys)
        else:
            claims = _json(response)
        tokens.check_userinfo(claims, subject=subject, is_signed=is_signed)
        return Userinfo(known | claims, is_sealed=is_sealed)


@cache
def client() -> IdmeClient:
    """Return the client of this process, with the metadata it has cached."""
    return IdmeClient()


def check_policy(scope: object) -> None:
    """Raise IdmeRefused if a requested policy is missing from the granted scope."""
    if scope is None:
        return
    requested = {name for name in idme_settings().scopes.split() if "://" in name}
    if not isinstance(scope, str) or not requested <= set(scope.split()):
        raise IdmeRefused(Reason.OTHER_POLICY)


def _check_userinfo_status(response: requests.Response) -> None:
    if response.status_code in (400, 401, 403):
        raise IdmeRefused(Reason.CODE_REFUSED)
    if response.status_code != 200:
        raise IdmeUnavailable


def _with_basic(
    client: ClientAuth, method: str, uri: str, headers: dict[str, str], body: str
) -> tuple[str, dict[str, str], str]:
    """Authenticate by secret, form-encoding both halves: RFC 6749 2.3.1."""
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return uri, headers, body


def _with_assertion(
    client: ClientAuth, method: str, uri: str, headers: dict[str, str], body: str
) -> tuple[str, dict[str, str], str]:
    """Authenticate by a signed assertion: RFC 7523 2.2."""
    fields = [
        ("client_id", client.client_id),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", own_keys.assertion()),
    ]
    return uri, headers, add_params_to_qs(body or "", fields)


def _parameters(request: HttpRequest) -> dict[str, str]:
    names = ["state", "code", "error", "iss"]
    if any(len(request.GET.getlist(name)) > 1 for name in names):
        raise IdmeRefused(Reason.BAD_ANSWER)
    return {name: request.GET[name] for name in names if name in request.GET}


def _json(response: requests.Response) -> dict:
    try:
        answer = response.json()
    except (ValueError, RecursionError):
        raise IdmeUnavailable from None
    if not isinstance(answer, dict):
        raise IdmeUnavailable
    return answer
