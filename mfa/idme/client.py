"""The OpenID Connect client of ID.me, or of any provider that can be discovered.

OpenID Connect Core 1.0, RFC 7636 (PKCE), RFC 9207 (iss), RFC 9700. Nothing of a
conversation stays in the session once it is over.
"""

import time
from functools import cache
from urllib.parse import urlsplit

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.django_client import DjangoOAuth2App
from django.conf import settings
from django.urls import reverse
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization

from mfa.idme import tokens
from mfa.idme.answers import SignIn, Tokens, Userinfo, moment
from mfa.idme.errors import IdmeRefused, IdmeUnavailable, from_protocol
from mfa.idme.http import BoundedSession
from mfa.idme.pending import PendingSignIns

METADATA_LIFE = 3600  # seconds
KEYS_LIFE = 1800  # seconds
KEYS_APART = 60  # seconds between two fetches that an unknown key id asked for
# Everything else in the metadata would configure authlib's session: left out.
METADATA = [
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "jwks_uri",
    "authorization_response_iss_parameter_supported",
]
ENDPOINTS = ["authorization_endpoint", "token_endpoint", "jwks_uri"]


class IdmeClient(DjangoOAuth2App):
    """authlib's client without the defaults that are too kind for identity proofing."""

    client_cls = BoundedSession

    def __init__(self) -> None:
        super().__init__(
            PendingSignIns("idme"),
            name="idme",
            client_id=settings.IDME_CLIENT_ID,
            client_secret=settings.IDME_CLIENT_SECRET,
            server_metadata_url=(
                f"{settings.IDME_ISSUER}/.well-known/openid-configuration"
            ),
            client_kwargs={
                "scope": settings.IDME_SCOPES,
                "code_challenge_method": "S256",
            },
        )
        self._metadata_at = self._keys_at = float("-inf")
        self._keys: KeySet | None = None

    def begin(self, request, *, purpose: str, next_path: str) -> str:
        """Remember a sign-in in the session; return where to send the browser."""
        redirect_uri = settings.PORTAL_ORIGIN + reverse("idme-callback")
        started = self.create_authorization_url(
            redirect_uri, prompt="login", max_age=0, op="signin"
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
        )

    def exchange(self, **grant: str) -> Tokens:
        """Trade a code or a refresh token for tokens."""
        try:
            answer = self.fetch_access_token(**grant)
        except AuthlibBaseError as error:
            raise from_protocol(error.error) from None
        except (ValueError, TypeError):
            raise IdmeUnavailable from None
        if not isinstance(answer, dict):
            raise IdmeUnavailable
        return Tokens.of(answer)

    def refresh(self, refresh_token: str) -> Tokens:
        return self.exchange(grant_type="refresh_token", refresh_token=refresh_token)

    def userinfo_of(
        self, granted: Tokens, *, subject: str, known: dict | None = None
    ) -> Userinfo:
        """Fetch and check userinfo, over what the ID token said already.

        The access token is spent by it: ID.me accepts one only once.
        """
        endpoint = self.load_server_metadata().get("userinfo_endpoint")
        if endpoint is None:
            return Userinfo(known or {}, is_sealed=False)
        if not granted.access_token:
            raise IdmeRefused("bad_answer")
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

    def load_server_metadata(self):
        """Return the discovery document, checked, and fetched again every hour."""
        if time.monotonic() - self._metadata_at > METADATA_LIFE:
            found = self._fetch(self._server_metadata_url)
            _check_metadata(found)
            self.server_metadata = {
                key: found[key] for key in METADATA if found.get(key) is not None
            } | {"token_endpoint_auth_method": _auth_method(found)}
            self._metadata_at = time.monotonic()
        return self.server_metadata

    def keys(self, force: bool = False) -> KeySet:
        """Return ID.me's keys; `force` fetches them again, but not all the time."""
        age = time.monotonic() - self._keys_at
        if self._keys is None or age > (KEYS_APART if force else KEYS_LIFE):
            found = self._fetch(self.load_server_metadata()["jwks_uri"])
            self._keys_at = time.monotonic()
            try:
                self._keys = KeySet.import_key_set(_signing_keys(found))
            except (JoseError, ValueError, TypeError, KeyError):
                raise IdmeUnavailable from None
        return self._keys

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
        _check_policy(granted.scope)
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


def _parameters(request) -> dict[str, str]:
    names = ["state", "code", "error", "iss"]
    if any(len(request.GET.getlist(name)) > 1 for name in names):
        raise IdmeRefused("bad_answer")
    return {name: request.GET[name] for name in names if name in request.GET}


def _check_policy(scope: object) -> None:
    """Refuse when a policy that was asked for is missing from what was granted."""
    if scope is None:
        return
    asked = {name for name in settings.IDME_SCOPES.split() if "://" in name}
    if not isinstance(scope, str) or not asked <= set(scope.split()):
        raise IdmeRefused("other_policy")


def _check_metadata(found: dict) -> None:
    """Refuse a document of another issuer, or one that leads out of TLS."""
    scheme = urlsplit(settings.IDME_ISSUER).scheme
    endpoints = [found.get(name) for name in ENDPOINTS]
    endpoints += [found["userinfo_endpoint"]] if "userinfo_endpoint" in found else []
    if found.get("issuer") != settings.IDME_ISSUER or not all(
        isinstance(url, str) and url.startswith(("https://", f"{scheme}://"))
        for url in endpoints
    ):
        raise IdmeUnavailable


def _auth_method(found: dict) -> str:
    supported = found.get("token_endpoint_auth_methods_supported")
    is_post_only = isinstance(supported, list) and (
        "client_secret_basic" not in supported and "client_secret_post" in supported
    )
    return "client_secret_post" if is_post_only else "client_secret_basic"


def _signing_keys(found: dict) -> KeySetSerialization:
    return {"keys": [key for key in found["keys"] if key.get("use", "sig") == "sig"]}


def _json(response: requests.Response) -> dict:
    try:
        found = response.json()
    except ValueError:
        raise IdmeUnavailable from None
    if not isinstance(found, dict):
        raise IdmeUnavailable
    return found
