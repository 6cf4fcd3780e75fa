"""A small OpenID Provider behind `responses`, with one attribute for every lie.

Anything in `id_token`, `userinfo`, `token`, `metadata` or `header` replaces what an
honest provider would say; MISSING takes it away.
"""

import base64
import functools
import hashlib
import json
import time
import uuid
from collections.abc import Callable
from urllib.parse import parse_qs, parse_qsl, urlsplit

import responses
from django.conf import settings
from joserfc import jwe, jwt
from joserfc.jwe import JWERegistry
from joserfc.jwk import KeySet, RSAKey
from joserfc.jws import JWSRegistry

from mfa.oidc import own_keys

BASE = "https://idme.test"


class Missing:
    """What stands for a claim that is left out."""

    def __repr__(self):
        return "missing"


MISSING: object = Missing()
REQUEST_ID = "urn:openid:params:jwt:claim:auth_req_id"


@functools.cache
def rsa_key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})


def changed(honest: dict, lies: dict) -> dict:
    return {k: v for k, v in (honest | lies).items() if v is not MISSING}


def listed(secret="JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", **overrides) -> dict:
    """One code generator as the feed lists it."""
    honest = {
        "id": str(uuid.uuid4()),
        "type": "code_generator",
        "name": "MyiPhone",
        "created_at": 1700000000,
        "secret": secret,
        "algorithm": "SHA1",
        "digits": 6,
        "period": 30,
    }
    return changed(honest, overrides)


class Provider:
    def __init__(self):
        self.subject = "11111111-2222-4333-8444-555555555555"
        self.devices = MISSING
        self.signer = rsa_key("k1")
        self.published = [rsa_key("k1")]
        self.metadata: dict = {}
        self.header: dict = {}
        self.id_token: dict = {}
        self.userinfo: dict = {}
        self.token: dict = {}
        self.forge = None  # replaces the signing of ID tokens
        self.userinfo_as = "sealed"  # or "signed", "json", "sealed-unsigned"
        self.seal_header: dict = {}
        self.seal_for: RSAKey | None = None  # instead of the portal's key
        self.keys: dict = {}
        self.access_token = ""  # a new one each time
        self.has_phones = False
        self.answers_after = 0.0  # seconds
        self.meanwhile: dict[str, Callable[[], object]] = {}  # by path, each once
        self.phone: dict = {}  # what a poll brings instead of tokens
        self.refresh_tokens: set[str] = set()
        self.calls: list[str] = []
        self.patience: list[float] = []  # seconds left to each call
        self.challenges: list[dict] = []
        self._codes: dict[str, dict] = {}
        self._access: set[str] = set()

    def listen(self, mock: responses.RequestsMock) -> None:
        for method, path, answer in [
            ("GET", "/oidc/.well-known/openid-configuration", self._discovery),
            ("GET", "/oidc/.well-known/jwks", self._jwks),
            ("POST", "/oauth/token", self._token),
            ("POST", "/oauth/backchannel", self._ask_phone),
            ("GET", "/api/public/v3/userinfo", self._userinfo),
        ]:
            mock.add_callback(method, BASE + path, callback=self._counted(path, answer))

    def count(self, path: str) -> int:
        return self.calls.count(path)

    def was_asked_alone(self) -> bool:
        """Say whether nobody else got a request of the portal's."""
        return all(call.request.url.startswith(BASE) for call in self.mock.calls)

    def authorize(self, location: str) -> dict[str, str]:
        """Be the person and the browser: return the callback's parameters."""
        asked = dict(parse_qsl(urlsplit(location).query))
        code = uuid.uuid4().hex
        self._codes[code] = asked
        self.challenges.append(asked)
        return {"code": code, "state": asked["state"], "iss": settings.IDME_ISSUER}

    def _counted(self, path, answer):
        def counted(request):
            self.calls.append(path)
            self.patience.append(request.req_kwargs["timeout"].total)
            time.sleep(self.answers_after)
            if happens := self.meanwhile.pop(path, None):
                happens()
            return answer(request)

        return counted

    def _discovery(self, request):
        honest = {
            "issuer": settings.IDME_ISSUER,
            "authorization_endpoint": f"{BASE}/oauth/authorize",
            "token_endpoint": f"{BASE}/oauth/token",
            "userinfo_endpoint": f"{BASE}/api/public/v3/userinfo",
            "jwks_uri": f"{BASE}/oidc/.well-known/jwks",
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        }
        if self.has_phones:
            honest["backchannel_authentication_endpoint"] = f"{BASE}/oauth/backchannel"
            honest["backchannel_token_delivery_modes_supported"] = ["poll"]
        return _json(200, changed(honest, self.metadata))

    def _jwks(self, request):
        honest = KeySet(self.published).as_dict(private=False)
        return _json(200, changed(honest, self.keys))

    def _ask_phone(self, request):
        self.asked = {k: v[0] for k, v in parse_qs(request.body).items()}
        return _json(200, changed({"auth_req_id": "r1", "expires_in": 120}, self.token))

    def _token(self, request):
        form = {k: v[0] for k, v in parse_qs(request.body).items()}
        expected = base64.b64encode(
            f"{settings.IDME_CLIENT_ID}:{settings.IDME_CLIENT_SECRET}".encode()
        ).decode()
        if request.headers.get("Authorization") != f"Basic {expected}":
            return _json(401, {"error": "invalid_client"})
        if form["grant_type"] == "refresh_token":
            if form["refresh_token"] not in self.refresh_tokens:
                return _json(400, {"error": "invalid_grant"})
            return _json(200, changed(self._granted(), self.token))
        if form["grant_type"] == "urn:openid:params:grant-type:ciba":
            return self._answer_of_phone(form["auth_req_id"])
        asked = self._codes.pop(form["code"], None)
        if asked is None or asked["redirect_uri"] != form["redirect_uri"]:
            return _json(400, {"error": "invalid_grant"})
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if asked["code_challenge"] != _base64url(digest):
            return _json(400, {"error": "invalid_grant"})
        answer = self._granted() | {
            "id_token": self._id_token(asked),
            "refresh_token": "refresh-1",
            "refresh_expires_in": 604800,
        }
        self.refresh_tokens.add("refresh-1")
        return _json(200, changed(answer, self.token))

    def _answer_of_phone(self, request_id: str):
        if self.phone:
            return _json(400, self.phone)
        now = int(time.time())
        claims = self._about(now) | {"auth_time": now, REQUEST_ID: request_id}
        answer = self._granted() | {"id_token": self._signed(claims)}
        return _json(200, changed(answer, self.token))

    def _granted(self) -> dict:
        access_token = self.access_token or uuid.uuid4().hex
        self._access.add(access_token)
        return {"access_token": access_token, "token_type": "Bearer", "expires_in": 300}

    def _id_token(self, asked: dict) -> str:
        now = int(time.time())
        return self._signed(
            self._about(now) | {"nonce": asked["nonce"], "auth_time": now}
        )

    def _signed(self, honest: dict) -> str:
        claims = changed(honest, self.id_token)
        if self.forge:
            return self.forge(claims)
        return self.sign(claims, **self.header)

    def _about(self, now: int) -> dict:
        return {
            "iss": settings.IDME_ISSUER,
            "sub": self.subject,
            "aud": settings.IDME_CLIENT_ID,
            "iat": now,
            "exp": now + 300,
        }

    def sign(self, claims: dict, **header) -> str:
        alg = self.signer.get("alg") or "RS256"
        header = changed({"alg": alg, "kid": self.signer.kid}, header)
        registry = JWSRegistry(algorithms=["RS256", "ES256"], strict_check_header=False)
        registry.check_header = lambda header: None
        return jwt.encode(header, claims, self.signer, registry=registry)

    def _userinfo(self, request):
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self._access:
            return _json(401, {"error": "invalid_token"})
        self._access.remove(token)
        honest = self._about(int(time.time())) | {
            "uuid": self.subject,
            "email": "riley@demo.example",
            "fname": "Riley",
            "lname": "Ready",
            "credential_ial": 2,
            "credential_aal": 2,
            "multifactor": True,
            "mfa_devices": self.devices,
        }
        claims = changed(honest, self.userinfo)
        if self.userinfo_as == "json":
            return _json(200, claims)
        token = self.sign(claims)
        if self.userinfo_as == "sealed":
            token = self.seal(token)
        if self.userinfo_as == "sealed-unsigned":
            token = self.seal(json.dumps(claims))
        return 200, {"Content-Type": "application/jwt"}, token

    def seal(self, content: str) -> str:
        honest = {"alg": "RSA-OAEP", "enc": "A256CBC-HS512", "cty": "JWT"}
        header = honest | self.seal_header
        registry = JWERegistry(
            algorithms=[header["alg"], header["enc"], "DEF"], strict_check_header=False
        )
        registry.check_header = lambda *args: None
        recipient = self.seal_for or RSAKey.import_key(
            own_keys.public_keys()["keys"][0]
        )
        return jwe.encrypt_compact(header, content, recipient, registry=registry)


def _json(status: int, body: dict):
    return status, {"Content-Type": "application/json"}, json.dumps(body)


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
