"""The OpenID Connect client of ID.me, or of any provider that can be discovered.

OpenID Connect Core 1.0, RFC 7636 (PKCE), RFC 9207 (iss), RFC 9700. Nothing of a
conversation stays in the session once it is over.
"""

import base64
import time
from functools import cache
from urllib.parse import quote_plus

import requests
from authlib.common.urls import add_params_to_qs
from authlib.integrations.django_client import DjangoOAuth2App
from django.conf import settings
from django.urls import reverse
from joserfc.jwk import KeySet

from mfa.oidc import own_keys, tokens
from mfa.oidc.discovery import DEPARTURE_LIFE, Discovery
from mfa.oidc.errors import IdmeRefused, IdmeUnavailable, from_protocol
from mfa.oidc.http import BoundedSession, shared_timeout
from mfa.oidc.pending import PendingSignIns
from mfa.oidc.responses import SignIn, Tokens, Userinfo, moment

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# When and how the person signed in, wherever it may be asked for; Core 5.5.
CLAIMS_TO_ASK_FOR = '{"id_token":{"auth_time":{"essential":true},"amr":null}}'


class IdmeClient(DjangoOAuth2App):
    """authlib's client without the defaults that are too kind for identity proofing."""

    client_cls = BoundedSession

    def __init__(self) -> None:
        super().__init__(
            PendingSignIns("idme"),
            name="idme",
            client_id=settings.IDME_CLIENT_ID,
            client_secret=settings.IDME_CLIENT_SECRET,
            client_kwargs={
                "scope": settings.IDME_SCOPES,
                "code_challenge_method": "S256",
            },
            client_auth_methods=[
                ("client_secret_basic", _with_basic),
                ("private_key_jwt", _with_assertion),
            ],
        )
        self._discovery = Discovery(self._fetch)

    @shared_timeout()
    def begin(self, request, *, purpose: str, next_path: str) -> str:
        """Remember a sign-in in the session; return where to send the browser.

        Asks for the metadata shortly before, because who is sent to a site that is down
        cannot be told so any more.
        """
        self._discovery.metadata(life=DEPARTURE_LIFE)
        redirect_uri = settings.PORTAL_ORIGIN + reverse("idme-callback")
        started = self.create_authorization_url(
            redirect_uri,
            prompt="login",
            max_age=0,
            op="signin",
            **self.claims_to_ask_for(),
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
    def finish(self, request) -> SignIn:
        """Take ID.me's answer from the callback; raise IdmeRefused or IdmeUnavailable.

        The state is looked at before anything else, also before an error.
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
            purpose=pending["purpose"],
            next_path=pending["next_path"],
            started_at=pending["started_at"],
            id_token=claims,
        )

    def exchange(self, **grant: str) -> Tokens:
        """Trade a code or a refresh token for tokens."""
        answer = self.post("token_endpoint", **grant)
        if "error" in answer:
            raise from_protocol(answer["error"])
        return Tokens.of(answer)

    def refresh(self, refresh_token: str) -> Tokens:
        return self.exchange(grant_type="refresh_token", refresh_token=refresh_token)

    def post(self, endpoint: str, **form: str) -> dict:
        """Send a form as this client; return the answer, which may be an `error`."""
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

    def claims_to_ask_for(self) -> dict[str, str]:
        """Return the parameter that asks for what an ID token may leave out."""
        supported = self.load_server_metadata().get("claims_parameter_supported")
        return {"claims": CLAIMS_TO_ASK_FOR} if supported is True else {}

    def userinfo_of(
        self, granted: Tokens, *, subject: str, known: dict | None = None
    ) -> Userinfo:
        """Fetch and check userinfo, over what the ID token said already.

        The access token is spent by it: ID.me accepts one only once.
        """
        endpoint = self.load_server_metadata().get("userinfo_endpoint")
        if endpoint is None:
            return Userinfo(known or {}, is_sealed=False)
        with self._get_session() as session:
            response = session.request(
                "GET",
                endpoint,
                withhold_token=True,
                headers={"Authorization": f"Bearer {granted.access_token}"},
            )
        if response.status_code in (400, 401, 403):
            raise IdmeRefused("code_refused")
        if response.status_code != 200:
            raise IdmeUnavailable
        return self._opened(response, subject=subject, known=known or {})

    def load_server_metadata(self) -> dict:
        return self._discovery.metadata()

    def keys(self, force: bool = False) -> KeySet:
        return self._discovery.keys(force)

    def _fetch(self, url: str) -> dict:
        with self._get_session() as session:
            response = session.request("GET", url, withhold_token=True)
        if response.status_code != 200:
            raise IdmeUnavailable
        return _json(response)

    def _code_in(self, answer: dict[str, str]) -> str:
        """Return the code of ID.me's own answer; raise what its error means."""
        promised = self.load_server_metadata().get(
            "authorization_response_iss_parameter_supported"
        )
        issuer = answer.get("iss", None if promised is True else settings.IDME_ISSUER)
        if issuer != settings.IDME_ISSUER:
            raise IdmeRefused("bad_answer")
        if "error" in answer:
            raise from_protocol(answer["error"])
        if not answer.get("code"):
            raise IdmeRefused("bad_answer")
        return answer["code"]

    def _identity_in(self, granted: Tokens, *, nonce: str) -> dict:
        check_policy(granted.scope)
        header, claims = tokens.signed_claims(granted.id_token, keys=self.keys)
        tokens.check_id_token(
            header, claims, nonce=nonce, access_token=granted.access_token
        )
        return claims

    def _opened(self, response, *, subject: str, known: dict) -> Userinfo:
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
    """Return the one client of this process, with what it has discovered."""
    return IdmeClient()


def check_policy(scope: object) -> None:
    """Refuse when a policy that was asked for is missing from what was granted."""
    if scope is None:
        return
    asked = {name for name in settings.IDME_SCOPES.split() if "://" in name}
    if not isinstance(scope, str) or not asked <= set(scope.split()):
        raise IdmeRefused("other_policy")


def _with_basic(client, method, uri, headers, body):
    """RFC 6749 2.3.1: both halves are form-encoded, which authlib leaves out."""
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return uri, headers, body


def _with_assertion(client, method, uri, headers, body):
    fields = [
        ("client_id", client.client_id),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", own_keys.assertion()),
    ]
    return uri, headers, add_params_to_qs(body or "", fields)


def _parameters(request) -> dict[str, str]:
    names = ["state", "code", "error", "iss"]
    if any(len(request.GET.getlist(name)) > 1 for name in names):
        raise IdmeRefused("bad_answer")
    return {name: request.GET[name] for name in names if name in request.GET}


def _json(response: requests.Response) -> dict:
    try:
        found = response.json()
    except (ValueError, RecursionError):
        raise IdmeUnavailable from None
    if not isinstance(found, dict):
        raise IdmeUnavailable
    return found
