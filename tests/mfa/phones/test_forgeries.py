"""Messages that no paired phone signed for this: adversarial cases H04, H14, H17."""

import json
import time

import pytest
from joserfc.jwk import ECKey, OctKey

from mfa.models import Source
from mfa.phones import messages
from tests.factories import make_device
from tests.mfa.phones.conftest import OPEN, number_of, state_of
from tests.mfa.phones.handset import ANSWERS, CHALLENGES, Handset, public_jwk

pytestmark = pytest.mark.django_db

ALTERED = {
    "the nonce of another challenge": {"nonce": "0" * 64},
    "another digest": {"digest": "e" * 64},
    "no digest": {"digest": None},
    "a digest that is no text": {"digest": "\ud800" * 64},
    "nonce and digest shifted": {"nonce": "", "digest": ""},
    "another challenge": {"challenge": "00000000-0000-0000-0000-000000000001"},
    "no challenge": {"challenge": None},
    "a challenge that is no id": {"challenge": "1; drop table"},
    "another decision": {"decision": "yes"},
    "no decision": {"decision": None},
    "a list for a decision": {"decision": ["approve"]},
    "another address": {"aud": "https://evil.example/phone/answers/"},
    "the address of a poll": {"aud": "http://testserver/phone/challenges/"},
    "no address": {"aud": None},
    "two addresses": {"aud": ["http://testserver/phone/answers/"]},
    "an old time": {"iat": int(time.time()) - 3600},
    "a time to come": {"iat": int(time.time()) + 3600},
    "a time beyond numbers": {"iat": 10**400},
    "a time that is no number": {"iat": "now"},
    "a time that is true": {"iat": True},
    "no time": {"iat": None},
}


@pytest.mark.parametrize("which", sorted(ALTERED))
def test_an_answer_to_anything_else_leaves_it_open(
    asked, request_on_phone, handset, which
):
    claims = handset.about(request_on_phone, number=number_of(asked))

    response = handset.send(ANSWERS, claims | ALTERED[which])

    assert response.status_code == 403
    assert state_of(asked) == OPEN
    assert handset.send(ANSWERS, claims).status_code == 200


def forged_by(handset):
    """Return ways to sign without the phone's key."""
    as_secret = OctKey.import_key(messages.stored(handset.key).encode())
    other = ECKey.generate_key("P-256")
    return {
        "another key": {"key": other},
        "another key, named in the message": {"key": other, "jwk": public_jwk(other)},
        "no algorithm": {"alg": "none"},
        "its public key as a secret": {"alg": "HS256", "key": as_secret},
        "another curve": {"alg": "ES384", "key": ECKey.generate_key("P-384")},
        "another device's name": {"kid": "00000000-0000-0000-0000-000000000001"},
        "no name": {"kid": ""},
        "a name that is no id": {"kid": "x" * 36},
        "an extension nobody knows": {"crit": ["x"], "x": 1},
    }


@pytest.mark.cfr("1311.115(a)(3)")
@pytest.mark.parametrize("which", sorted(forged_by(Handset())))
@pytest.mark.parametrize("path", [ANSWERS, CHALLENGES])
def test_only_the_phone_s_own_key_counts(asked, request_on_phone, handset, which, path):
    claims = handset.about(request_on_phone, number=number_of(asked))

    response = handset.send(path, claims, **forged_by(handset)[which])

    assert response.status_code == 403
    assert state_of(asked) == OPEN


@pytest.mark.cfr("1311.115(a)(3)")
def test_another_paired_phone_cannot_answer(asked, request_on_phone, bob):
    stranger = Handset()
    device = make_device(
        bob,
        kind="push",
        source=Source.PORTAL,
        public_key=messages.stored(stranger.key),
    )
    stranger.device = device.public_id

    response = stranger.answer(request_on_phone, number=number_of(asked))

    assert response.status_code == 403
    assert state_of(asked) == OPEN
    assert stranger.poll().json()["requests"] == []


def test_a_reason_changed_on_the_way_breaks_the_signature(
    asked, request_on_phone, handset
):
    """Case H14: "it wasn't me" must not arrive as a mere no."""
    honest = handset.signed(handset.about(request_on_phone, "not_me"), path=ANSWERS)
    softer = handset.signed(handset.about(request_on_phone, "decline"), path=ANSWERS)
    header, _, signature = honest.split(".")
    altered = ".".join([header, softer.split(".")[1], signature])

    assert handset.post(ANSWERS, {"jws": altered}).status_code == 403
    assert state_of(asked) == OPEN


NOT_MESSAGES = {
    "no JSON": "x",
    "a list": [],
    "a deep list": "[" * 7000,
    "null": "null",
    "nothing in it": {},
    "no text": {"jws": 5},
    "no JWS": {"jws": "a.b.c"},
    "four parts": {"jws": "a.b.c.d"},
    "not ASCII": {"jws": "\u00e9.b.c"},
    "half a character": {"jws": "\ud800.b.c"},
    "bytes that are no text": b"\xff\xfe",
}


@pytest.mark.parametrize("which", sorted(NOT_MESSAGES))
@pytest.mark.parametrize("path", [ANSWERS, CHALLENGES, "/phone/pairing/"])
def test_what_is_no_message_gets_one_answer(handset, paired, which, path):
    unknown = handset.send(path, {}, kid="00000000-0000-0000-0000-000000000001")

    response = handset.post(path, NOT_MESSAGES[which])

    assert response.status_code == unknown.status_code == 403
    assert response.content == unknown.content


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_only_json_is_taken(request_on_phone, asked, handset, kind):
    """What a page of another site could make a browser send is not taken."""
    claims = handset.about(request_on_phone, number=number_of(asked))
    body = json.dumps({"jws": handset.signed(claims, path=ANSWERS)})

    response = handset.client.post(ANSWERS, body, content_type=kind)

    assert response.status_code == 403
    assert state_of(asked) == OPEN


def test_a_long_message_is_not_read(handset, paired):
    assert handset.post(ANSWERS, {"jws": "x" * 8000}).status_code == 413
