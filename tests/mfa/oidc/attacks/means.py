"""How an attacker, a broken provider or a broken network acts, as functions of a visit.

Each makes one attack and returns the portal's answer; the table that uses them says what
it proves.
"""

import base64
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import time_machine
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from django.urls import reverse
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey

from mfa.oidc import own_keys, pending
from tests.mfa.idme.provider import BASE, Provider, rsa_key

ATTACKER_JWK = rsa_key("attacker").as_dict(private=False)


@dataclass
class Visit:
    """Nora with her browser, the portal, and ID.me as the attack makes it."""

    client: object
    idme: Provider
    purpose: str = "link"
    others: list = field(default_factory=list)  # users who may take part

    def start(self, **headers):
        query = {"purpose": self.purpose}
        return self.client.get(reverse("idme-start"), query, headers=headers)

    def authorize(self) -> dict[str, str]:
        return self.idme.authorize(self.start().url)

    def back(self, answer: dict, *, method="get"):
        answer = {name: value for name, value in answer.items() if value is not None}
        return getattr(self.client, method)(reverse("idme-callback"), answer)

    def whole(self, **changes):
        started = self.start()
        if started.status_code != 302:
            return started
        return self.back(self.idme.authorize(started.url) | changes)


Attack = Callable[[Visit], object]


def tells(place: str, **lies) -> Attack:
    """ID.me says something else in one place: a token, userinfo, metadata, keys…"""

    def attack(visit):
        getattr(visit.idme, place).update(lies)
        return visit.whole()

    return attack


def dates(place: str = "id_token", **offsets: float) -> Attack:
    """A moment in a token is so many seconds from now."""

    def attack(visit):
        moments = {name: int(time.time()) + s for name, s in offsets.items()}
        return tells(place, **moments)(visit)

    return attack


def is_like(**attributes) -> Attack:
    """ID.me itself is otherwise: signs with another key, seals in another way."""

    def attack(visit):
        for name, value in attributes.items():
            setattr(visit.idme, name, value)
        return visit.whole()

    return attack


def signs_with(forge: Callable[[dict], str]) -> Attack:
    return is_like(forge=forge)


def own_key(**header) -> Attack:
    """The attacker's key signs, under ID.me's key id, and is named in the header."""

    def attack(visit):
        visit.idme.header.update({"kid": "k1"} | header)
        return is_like(signer=rsa_key("attacker"))(visit)

    return attack


def comes_back(**changes) -> Attack:
    """The browser brings something else to the callback; None leaves it out."""
    return lambda visit: visit.whole(**changes)


def wanting(purpose: str, attack: Attack) -> Attack:
    def for_purpose(visit):
        visit.purpose = purpose
        return attack(visit)

    return for_purpose


def once_linked(attack: Attack) -> Attack:
    """The account was linked before."""

    def later(visit):
        visit.whole()
        return attack(visit)

    return later


def fails(endpoint: tuple[str, str], *, body, status: int = 200) -> Attack:
    """One endpoint of ID.me is out of order; `body` may be an exception."""
    method, path = endpoint
    headers = {"Location": BASE + path} if status == 302 else {}

    def attack(visit):
        visit.idme.mock.remove(method, BASE + path)
        visit.idme.mock.add(
            method, BASE + path, status=status, body=body, headers=headers
        )
        return visit.whole()

    return attack


def alg_none(claims: dict) -> str:
    return f"{_part({'alg': 'none'})}.{_part(claims)}."


def hmac_with_the_public_key(claims: dict) -> str:
    public = rsa_key("k1").as_pem(private=False)
    key = OctKey.import_key(base64.urlsafe_b64encode(public).decode())
    header = {"alg": "HS256", "kid": "k1"}
    return jws.serialize_compact(header, json.dumps(claims), key, algorithms=["HS256"])


def other_hash(claims: dict) -> str:
    """Sign with the right key and an algorithm that is not agreed upon."""
    key = RSAKey.import_key(rsa_key("k1").as_pem(private=True))
    return jws.serialize_compact(
        {"alg": "RS512", "kid": "k1"}, json.dumps(claims), key, algorithms=["RS512"]
    )


def unencoded(claims: dict) -> str:
    """RFC 7797: the payload is signed as it is; its full stops are written otherwise."""
    header = {"alg": "RS256", "kid": "k1", "b64": False, "crit": ["b64"]}
    payload = json.dumps(claims).replace(".", "\\u002e")
    signed = f"{_part(header)}.{payload}"
    key = rsa_key("k1").raw_value
    signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def deeply_nested(claims: dict) -> str:
    content = "[" * 50_000
    return jws.serialize_compact(
        {"alg": "RS256", "kid": "k1"}, content, rsa_key("k1"), algorithms=["RS256"]
    )


def sealed_id_token(claims: dict) -> str:
    provider = Provider()
    return provider.seal(provider.sign(claims))


def signature_cut(claims: dict) -> str:
    return Provider().sign(claims).rpartition(".")[0] + "."


def payload_changed(claims: dict) -> str:
    header, _, signature = Provider().sign(claims).split(".")
    return f"{header}.{_part(claims | {'sub': 'somebody-else'})}.{signature}"


def other_verifier(visit):
    answer = visit.authorize()
    session = visit.client.session
    session[f"_state_idme_{answer['state']}"]["data"]["code_verifier"] = "v" * 64
    session.save()
    return visit.back(answer)


def replayed(visit):
    """The whole answer comes again, after it was refused the first time."""
    answer = visit.authorize()
    visit.back(answer | {"code": "invented"})
    return visit.back(answer)


def too_late(visit):
    answer = visit.authorize()
    with time_machine.travel(time.time() + pending.STATE_LIFE + 1):
        return visit.back(answer)


def nonce_of_before(visit):
    """The token of an earlier sign-in is slipped into a new one."""
    visit.authorize()
    visit.idme.id_token["nonce"] = visit.idme.challenges[0]["nonce"]
    return visit.whole()


def last_of_100(visit):
    locations = [visit.start().url for _ in range(100)]
    return visit.back(visit.idme.authorize(locations[-1]))


def in_time(visit):
    answer = visit.authorize()
    with time_machine.travel(time.time() + pending.STATE_LIFE - 60):
        visit.idme.id_token.update(exp=int(time.time()) + 300)
        return visit.back(answer)


def right_hash(visit):
    """The access token of the answer, and its hash in the ID token."""
    digest = hashlib.sha256(b"access-1").digest()[:16]
    visit.idme.access_token = "access-1"
    hashed = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return tells("id_token", at_hash=hashed)(visit)


def elliptic_key(visit):
    key = ECKey.generate_key("P-256", {"kid": "e1", "use": "sig", "alg": "ES256"})
    return is_like(signer=key, published=[key])(visit)


def foreign_state(visit):
    """Mallory starts, and gets Nora to open the callback."""
    nora, mallory = visit.others
    visit.client.force_login(mallory)
    answer = visit.authorize()
    visit.client.logout()
    visit.client.force_login(nora)
    return visit.back(answer)


def started_first_of_100(visit):
    locations = [visit.start().url for _ in range(100)]
    assert len(json.dumps(dict(visit.client.session.items()))) < 8_000
    return visit.back(visit.idme.authorize(locations[0]))


def by_method(method: str) -> Attack:
    return lambda visit: visit.back(visit.authorize(), method=method)


def doubled(name: str) -> Attack:
    def attack(visit):
        answer = visit.authorize()
        return visit.back(answer | {name: ["other", answer.get(name, "access_denied")]})

    return attack


def evil_host(visit):
    return visit.start(host="evil.test")


def key_set_of_an_attacker(visit):
    """The keys that are published hold an octet key, and a token is signed with it."""
    secret = OctKey.generate_key(256, {"kid": "oct", "use": "sig", "alg": "HS256"})
    visit.idme.keys["keys"] = [secret.as_dict(), rsa_key("k1").as_dict(private=False)]
    header = {"alg": "HS256", "kid": "oct"}
    return signs_with(
        lambda claims: jws.serialize_compact(
            header, json.dumps(claims), secret, algorithms=["HS256"]
        )
    )(visit)


def encryption_key_signs(visit):
    """A key that is published for encryption only signs a token."""
    public = rsa_key("enc").as_dict(private=False) | {"use": "enc"}
    visit.idme.keys["keys"] = [rsa_key("k1").as_dict(private=False), public]
    return is_like(signer=rsa_key("enc"))(visit)


def portal_key_signs(visit):
    """The portal's own published key, as if it were one of ID.me's."""
    pem = own_keys.userinfo_key().as_pem(private=True)
    return is_like(signer=RSAKey.import_key(pem, {"kid": "k1"}))(visit)


def sealed_for_another(visit):
    other = RSAKey.generate_key(2048, {"use": "enc"})
    return is_like(seal_for=other)(visit)


def times(count: int, attack: Attack) -> Attack:
    return lambda visit: [attack(visit) for _ in range(count)][-1]


def _part(value: dict) -> str:
    raw = json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
