"""A person at a browser without JavaScript, and the portal's side of the code flow."""

import base64
import hashlib
import re
import secrets
import time
import uuid
from urllib.parse import parse_qs, urlencode, urlsplit

import pyotp
import requests

from tests.sandbox.people import PASSWORD

CALLBACK = "http://localhost:8999/idme/callback/"
CIBA = "urn:openid:params:grant-type:ciba"
SCOPE = "openid http://idmanagement.gov/ns/assurance/ial/2/aal/2"


class Visitor:
    def __init__(self, origin, email):
        self.origin = origin
        self.email = email
        self.web = requests.Session()

    def get(self, path, **kwargs):
        return self.web.get(self._url(path), timeout=10, **kwargs)

    def post(self, path, data=None, **kwargs):
        """Post a form as a browser does: fetch the page first, for its CSRF token."""
        page = self.get(path)
        token = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', page.text)
        data = {"csrfmiddlewaretoken": token[1], **(data or {})}
        return self.web.post(self._url(path), data=data, timeout=10, **kwargs)

    def create_account(self):
        """Make an account whose first method is a code generator, by QR code."""
        self.email = f"{uuid.uuid4().hex}@demo.example"
        self.post(
            "/signup/",
            {
                "first_name": "Nell",
                "last_name": "Newcomer",
                "email": self.email,
                "password": PASSWORD,
            },
        )
        page = self.post("/account/security/set-up/code-generator/", {"channel": "qr"})
        self.secret = secret_key_on(page)
        code = pyotp.TOTP(self.secret).now()
        done = self.post(page.url, {"code": code, "name": "MyiPhone"})
        self.recovery_code = re.search(r'id="recovery-code">([^<]+)<', done.text)[1]
        return done

    def give_password(self, path):
        """Do step 1 of 3 on the sign-in page that `path` leads to."""
        page = self.get(path)
        return self.post(page.url, {"email": self.email, "password": PASSWORD})

    def choose_method(self, name):
        page = self.get("/signin/method/")
        found = re.search(rf'value="([0-9a-f-]{{36}})"[^>]*>[^<]*{name}', page.text)
        return self.post("/signin/method/", {"device": found[1]})

    def sign_in(self, path, *, secret, method="MyiPhone"):
        """Do all three steps, with the next code that was not used yet."""
        self.give_password(path)
        self.choose_method(method)
        return self.enter_code(secret)

    def enter_code(self, secret):
        """Enter the code of the step before, of now, or of the next one."""
        generator = pyotp.TOTP(secret)
        now = int(time.time()) // 30
        for step in (now - 1, now, now + 1):
            answer = self.post(
                "/signin/verify/",
                {"code": generator.generate_otp(step)},
                allow_redirects=False,
            )
            if answer.status_code == 302:
                return self.follow(answer)
        raise AssertionError("No code was accepted.")

    def follow(self, answer):
        """Follow redirects until a page, or until the way back to the portal."""
        while answer.status_code in (301, 302):
            target = answer.headers["Location"]
            if target.startswith(CALLBACK):
                return answer
            answer = self.get(target, allow_redirects=False)
        return answer

    def _url(self, path):
        return path if path.startswith("http") else self.origin + path


class PortalFlow:
    """One authorization request with its PKCE verifier, and what comes of it."""

    def __init__(self, origin, **overrides):
        self.origin = origin
        self.verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(self.verifier.encode()).digest()
        self.nonce = secrets.token_urlsafe(16)
        parameters = {
            "client_id": "portal",
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": SCOPE,
            "state": secrets.token_urlsafe(16),
            "nonce": self.nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        self.parameters = parameters | overrides
        asked = {key: value for key, value in self.parameters.items() if value}
        self.path = f"/oauth/authorize?{urlencode(asked)}"

    def redeem(self, code, **overrides):
        return self.token(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": CALLBACK,
                "code_verifier": self.verifier,
            }
            | overrides
        )

    def token(self, data, *, auth=("portal", "portal-secret")):
        return requests.post(
            f"{self.origin}/oauth/token", data=data, auth=auth, timeout=10
        )

    def userinfo(self, access_token):
        return requests.get(
            f"{self.origin}/api/public/v3/userinfo",
            headers={"Authorization": f"Bearer {access_token}"},
            timeout=10,
        )


def allow(visitor, flow):
    """Let a signed-in visitor go through the flow; return the callback's query."""
    answer = visitor.follow(visitor.get(flow.path, allow_redirects=False))
    if answer.status_code == 200:
        assert "verified identity and your MFA devices" in answer.text
        answer = visitor.post(flow.path, {"decision": "allow"}, allow_redirects=False)
    return query_of(answer)


def query_of(answer):
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    return {name: values[0] for name, values in query.items()}


def secret_key_on(page):
    found = re.search(r'id="secret-key">([A-Z2-7 ]+)<', page.text)
    return found[1].replace(" ", "")


def refusal(answer):
    return answer.status_code, answer.json()["error"]
