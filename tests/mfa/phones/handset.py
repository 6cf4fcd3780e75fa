"""A phone for tests: a P-256 key, and the messages that the page would send."""

import json
import time
import uuid
from base64 import urlsafe_b64encode

from django.test import Client
from joserfc import jws
from joserfc.jwk import ECKey

from mfa.phones import messages

ORIGIN = "http://testserver"
CLAIM, CHALLENGES, ANSWERS = "/phone/pairing/", "/phone/challenges/", "/phone/answers/"


def public_jwk(key) -> dict:
    facts = key.as_dict(private=False)
    return {name: facts[name] for name in facts if name in messages.MEMBERS}


def encoded(facts) -> str:
    return urlsafe_b64encode(json.dumps(facts).encode()).rstrip(b"=").decode()


class Handset:
    def __init__(self):
        self.key = ECKey.generate_key("P-256")
        self.device = None
        self.client = Client(enforce_csrf_checks=True)

    def signed(self, claims, *, path, key=None, alg="ES256", **header):
        """Return a JWS as the page makes it; a test changes one thing."""
        facts = {"iat": int(time.time()), "aud": ORIGIN + path} | claims
        protected = {"alg": alg, "kid": str(self.device)} | header
        content = f"{encoded(protected)}.{encoded(facts)}"
        # Not through joserfc's front door, which makes no bad messages.
        sign = jws.JWSRegistry.algorithms[alg].sign
        signature = sign(content.encode(), key or self.key)
        return f"{content}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"

    def post(self, path, body, **extra):
        return self.client.post(path, body, content_type="application/json", **extra)

    def send(self, path, claims, **signing):
        return self.post(path, {"jws": self.signed(claims, path=path, **signing)})

    def claim(self, token, *, jwk=None):
        proof = self.signed({"token": token}, path=CLAIM)
        body = {"jwk": jwk or public_jwk(self.key), "jws": proof}
        response = self.post(CLAIM, body)
        if response.status_code == 201:
            self.device = uuid.UUID(response.json()["device"])
        return response

    def number(self) -> str:
        return messages.comparison_number(self.key, device=self.device)

    def poll(self, **signing):
        return self.send(CHALLENGES, {}, **signing)

    def answer(self, request, decision="approve", **claims):
        return self.send(ANSWERS, self.about(request, decision, **claims))

    def about(self, request, decision="approve", **claims):
        """Return the claims of an answer to one of the requests of a poll."""
        names = ["challenge", "nonce", "digest"]
        asked = {name: request[name] for name in names}
        return asked | {"decision": decision, "number": ""} | claims
