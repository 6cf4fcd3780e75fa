"""CIBA, poll mode: what the portal is answered, and what the phone shows."""

import re
import time

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.sandbox import people
from tests.sandbox.phone import Phone
from tests.sandbox.visitor import CIBA, refusal


def test_discovery_offers_the_backchannel(idme):
    found = requests.get(
        f"{idme.origin}/oidc/.well-known/openid-configuration", timeout=10
    ).json()

    endpoint = f"{idme.origin}/oauth/backchannel"
    assert found["backchannel_authentication_endpoint"] == endpoint
    assert found["backchannel_token_delivery_modes_supported"] == ["poll"]
    assert found["backchannel_user_code_parameter_supported"] is False
    assert found["backchannel_number_matching_supported"] is True
    assert CIBA in found["grant_types_supported"]
    assert "private_key_jwt" in found["token_endpoint_auth_methods_supported"]
    assert found["code_challenge_methods_supported"] == ["S256"]


def test_an_approval_with_the_number_buys_one_id_token(idme, ask, poll, phone):
    before = int(time.time())
    started = ask()
    assert started.status_code == 200
    assert started.json()["expires_in"] == 120
    assert started.json()["interval"] == 1
    assert refusal(poll(started)) == (400, "authorization_pending")

    phone.decide("approved", number="47")
    answer = poll(started)

    assert answer.status_code == 200
    keys = requests.get(f"{idme.origin}/oidc/.well-known/jwks", timeout=10).json()
    claims = jwt.decode(
        answer.json()["id_token"], KeySet.import_key_set(keys), algorithms=["RS256"]
    ).claims
    assert claims["iss"] == f"{idme.origin}/oidc"
    assert claims["sub"] == people.RILEY
    assert claims["aud"] == "portal"
    assert before <= claims["auth_time"] <= time.time()
    assert claims["exp"] > claims["iat"] >= before
    assert claims["at_hash"]
    request_id = claims["urn:openid:params:jwt:claim:auth_req_id"]
    assert request_id == started.json()["auth_req_id"]
    assert claims["amr"] == ["mfa", "swk"]
    assert claims["mfa_device"] == people.RILEY_PUSH
    assert "refresh_token" not in answer.json()

    assert refusal(poll(started)) == (400, "invalid_grant")


def test_the_phone_shows_the_message_but_never_the_number(ask, phone):
    ask(binding_message="R.R. <b>&\u202e", match_number="73")

    page = phone.page

    assert "R.R. &lt;b&gt;&amp;\u202e</bdi>" in page
    assert "RileyPush" in page
    assert "Number shown in the portal" in page
    approval = page[page.index('id="approval-') : page.index("Text messages and")]
    ids_tokens_and_times = r"[0-9a-f-]{36}|[A-Za-z0-9]{64}|\d\d:\d\d:\d\d"
    assert "73" not in re.sub(ids_tokens_and_times, "", approval)


def test_without_a_number_to_match_none_is_asked_for(ask, poll, phone):
    started = ask(match_number=None)
    assert "Number shown in the portal" not in phone.page

    phone.decide("approved")

    assert poll(started).status_code == 200


def test_one_wrong_number_is_forgiven(ask, poll, phone):
    started = ask()

    assert "one more try" in phone.decide("approved", number="48")
    assert refusal(poll(started)) == (400, "authorization_pending")
    phone.decide("approved", number="47")

    assert poll(started).status_code == 200


def test_the_second_wrong_number_ends_the_request(ask, poll, phone):
    started = ask()
    address = phone.approval()

    phone.decide("approved", number="48")
    assert "second wrong number" in phone.decide("approved", number="49")

    assert phone.approval() is None
    assert "answered already" in phone.decide("approved", number="47", at=address)
    assert refusal(poll(started)) == (400, "access_denied")
    assert "decline_reason" not in poll(started).json()


@pytest.mark.parametrize("number", ["", "4", "4x", "٤٧"])
def test_what_is_no_number_is_not_a_try(ask, poll, phone, number):
    started = ask()

    for _ in range(3):
        assert "Enter the two digits" in phone.decide("approved", number=number)
    phone.decide("approved", number="47")

    assert poll(started).status_code == 200


@pytest.mark.parametrize(
    ("decision", "reason"), [("declined", None), ("not_me", "not_me")]
)
def test_a_no_is_told_with_its_reason_and_stays(ask, poll, phone, decision, reason):
    started = ask()
    address = phone.approval()

    phone.decide(decision)
    phone.decide("approved", number="47", at=address)

    answer = poll(started)
    assert refusal(answer) == (400, "access_denied")
    assert answer.json().get("decline_reason") == reason


def test_polling_too_soon_slows_down_more_and_more(ask, poll, phone):
    started = ask()
    assert refusal(poll(started)) == (400, "authorization_pending")
    time.sleep(1.1)
    assert refusal(poll(started)) == (400, "authorization_pending")

    assert refusal(poll(started)) == (400, "slow_down")
    time.sleep(1.1)
    assert refusal(poll(started)) == (400, "slow_down")

    phone.decide("approved", number="47")
    assert poll(started).status_code == 200


def test_a_request_expires_also_when_it_was_approved(ask, poll, phone):
    approved, waiting = (ask(requested_expiry="1") for _ in range(2))
    address = phone.approval()
    phone.decide("approved", number="47")
    time.sleep(1.1)

    assert refusal(poll(approved)) == (400, "expired_token")
    assert refusal(poll(waiting)) == (400, "expired_token")
    assert phone.approval() is None
    assert "its time is over" in phone.decide("approved", number="47", at=address)


def test_a_no_is_told_after_the_time_is_over(ask, poll, phone):
    started = ask(requested_expiry="1")
    phone.decide("not_me")
    time.sleep(1.1)

    assert poll(started).json()["decline_reason"] == "not_me"


def test_an_approval_cannot_be_answered_on_anothers_phone(idme, ask, phone):
    ask()
    address = phone.approval().replace("/phone/ready/", "/phone/new/")

    assert "Not Found" in phone.decide("approved", number="47", at=address)

    assert phone.approval()
    assert Phone(idme.origin, "new").approval() is None


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"scope": None}, (400, "invalid_scope")),
        ({"scope": "login"}, (400, "invalid_scope")),
        ({"scope": "openid payroll"}, (400, "invalid_scope")),
        ({"login_hint": None}, (400, "invalid_request")),
        ({"login_hint": "riley"}, (400, "unknown_user_id")),
        ({"login_hint": people.RILEY_PUSH}, (400, "unknown_user_id")),
        ({"login_hint": [people.RILEY] * 2}, (400, "invalid_request")),
        ({"binding_message": "m" * 201}, (400, "invalid_binding_message")),
        ({"requested_expiry": "0"}, (400, "invalid_request")),
        ({"requested_expiry": "soon"}, (400, "invalid_request")),
        ({"match_number": "7"}, (400, "invalid_request")),
        ({"match_number": "477"}, (400, "invalid_request")),
        ({"device": "5d1f8a0e-2222-4222-8222-222222222221"}, (403, "access_denied")),
        ({"device": "unknown"}, (403, "access_denied")),
        ({"auth": None}, (401, "invalid_client")),
        ({"auth": ("portal", "guess")}, (401, "invalid_client")),
        ({"auth": ("stranger", "portal-secret")}, (401, "invalid_client")),
    ],
)
def test_a_bad_request_asks_nobody(ask, phone, wrong, expected):
    answer = ask(**wrong)

    assert refusal(answer) == expected
    assert phone.approval() is None


def test_who_did_not_consent_is_not_asked(ask):
    nora = people.WORLD["idme"]["accounts"][1]["subject"]

    assert refusal(ask(login_hint=nora, device=None)) == (403, "access_denied")


def test_an_unknown_request_is_an_invalid_grant(ask, poll):
    assert refusal(poll(ask(), auth_req_id="made-up")) == (400, "invalid_grant")
