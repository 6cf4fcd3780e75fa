"""Asking a phone by CIBA: what is sent, and what each answer means."""

import time

import pytest

from mfa.oidc import backchannel
from mfa.oidc.client import client as idme_client
from mfa.oidc.errors import IdmeError, IdmeRefused, IdmeUnavailable
from tests.mfa.idme.provider import MISSING

OXYCODONE = "R.R. oxycodone 5 mg tablet, 30 tablets"


@pytest.fixture
def phones(idme):
    idme.has_phones = True
    return idme


def ask(**overrides):
    asked = {
        "subject": "riley",
        "device": "phone-1",
        "message": OXYCODONE,
        "number": "47",
        "expires_in": 120,
    }
    return backchannel.start(**asked | overrides)


def poll(idme):
    return backchannel.poll("request-1", subject=idme.subject)


def test_pushes_are_offered_where_discovery_says_so(phones):
    assert backchannel.is_offered()


@pytest.mark.parametrize(
    "metadata",
    [
        {"backchannel_authentication_endpoint": MISSING},
        {"backchannel_token_delivery_modes_supported": MISSING},
        {"backchannel_token_delivery_modes_supported": ["ping", "push"]},
        {"backchannel_token_delivery_modes_supported": "poll"},
    ],
)
def test_pushes_are_not_offered_without_polling(phones, metadata):
    phones.metadata = metadata

    assert not backchannel.is_offered()


def test_whether_pushes_are_offered_is_unknown_when_idme_is_down(phones):
    phones.metadata = {"issuer": "https://evil.test"}

    with pytest.raises(IdmeUnavailable):
        backchannel.is_offered()


def test_what_is_asked_of_the_phone(phones, settings):
    settings.IDME_BINDING_MESSAGE_LENGTH = 200
    phones.metadata["backchannel_number_matching_supported"] = True

    started = ask()

    assert phones.asked == {
        "scope": settings.IDME_SCOPES,
        "login_hint": "riley",
        "requested_expiry": "120",
        "device": "phone-1",
        "binding_message": OXYCODONE,
        "match_number": "47",
    }
    assert started == backchannel.Started("r1", expires_in=120, interval=5)
    assert "r1" not in repr(started)


def test_when_and_how_is_asked_for_where_the_provider_takes_the_question(phones):
    phones.metadata["claims_parameter_supported"] = True

    ask()

    assert '"auth_time":{"essential":true}' in phones.asked["claims"]


@pytest.mark.parametrize(
    ("length", "message", "shown"),
    [
        (20, OXYCODONE, "R.R.-oxycodon-30-#47"),
        (20, "R.R. Zenzedi 10 mg tablet, 7.5 tablets", "R.R.-Zenzedi-7.5-#47"),
        (20, "Ž.Ö. codeine 30 mg tablet, 5 mL", "Z.O.-codeine-5-#47"),
        (20, "Select “MyiPhone” as the primary device", "Select-MyiPhone-#47"),
        (20, "R.R. a, 1 tablet; R.R. b, 2 tablets", "R.R.-a-1-tablet-#47"),
        (20, "日本", "#47"),
        (200, OXYCODONE, f"{OXYCODONE} #47"),
        (30, OXYCODONE, "R.R. oxycodone 5 mg table… #47"),
    ],
)
def test_a_message_fits_the_phone_and_ends_in_the_number(
    phones, settings, length, message, shown
):
    settings.IDME_BINDING_MESSAGE_LENGTH = length

    ask(message=message)

    assert phones.asked["binding_message"] == shown
    assert len(shown) <= length
    assert "match_number" not in phones.asked


@pytest.mark.parametrize(
    "answer",
    [
        {"auth_req_id": MISSING},
        {"auth_req_id": ""},
        {"auth_req_id": 7},
        {"expires_in": MISSING},
        {"expires_in": "120"},
        {"expires_in": True},
        {"interval": -1},
        {"interval": "5"},
        {"interval": 2.5},
    ],
    ids=str,
)
def test_a_request_that_was_not_taken_properly_is_none(phones, answer):
    phones.token = answer

    with pytest.raises(IdmeRefused) as refusal:
        ask()

    assert refusal.value.reason == "bad_answer"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("unknown_user_id", "unknown_account"),
        ("access_denied", "access_denied"),
        ("invalid_binding_message", "misconfigured"),
        ("invalid_client", "misconfigured"),
        ("temporarily_unavailable", "unavailable"),
        ("<b>", "unknown"),
    ],
)
def test_a_request_that_is_refused_says_why(phones, error, reason):
    phones.token = {"error": error, "error_description": "<script>"}

    with pytest.raises(IdmeError) as refusal:
        ask()

    assert refusal.value.reason == reason
    assert "script" not in str(refusal.value)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"error": "authorization_pending"}, "pending"),
        ({"error": "slow_down"}, "slow_down"),
        ({"error": "access_denied"}, "denied"),
        ({"error": "access_denied", "decline_reason": "not_me"}, "not_me"),
        ({"error": "access_denied", "decline_reason": ["not_me"]}, "denied"),
        ({"error": "expired_token"}, "expired"),
        # Another poll of this portal's took the tokens a moment ago.
        ({"error": "invalid_grant"}, "pending"),
    ],
)
def test_an_answer_without_tokens_approves_nothing(phones, answer, state):
    phones.phone = answer

    assert poll(phones) == backchannel.Answer(state)


def test_an_approval_carries_what_was_signed_and_shows_it_to_no_log(phones):
    phones.id_token["mfa_device"] = "phone-1"

    answer = poll(phones)

    assert answer.state == "approved"
    assert answer.claims["mfa_device"] == "phone-1"
    assert answer.claims["auth_time"] == pytest.approx(time.time(), abs=5)
    assert repr(answer) == "Answer(state='approved')"


def test_a_token_need_not_name_the_request(phones):
    phones.id_token[backchannel.tokens.REQUEST_ID_CLAIM] = MISSING

    assert poll(phones).state == "approved"


@pytest.mark.parametrize(
    "error", ["server_error", "temporarily_unavailable", "invalid_client", 7]
)
def test_other_errors_are_no_answer(phones, error):
    phones.phone = {"error": error}

    with pytest.raises(IdmeError):
        poll(phones)


def test_nothing_can_be_asked_of_a_provider_without_pushes(idme):
    with pytest.raises(IdmeUnavailable):
        ask()


def test_a_secret_is_encoded_as_forms_are(phones, settings):
    settings.IDME_CLIENT_SECRET = "a:b+c d%"
    idme_client.cache_clear()

    with pytest.raises(IdmeError):
        poll(phones)

    sent = phones.mock.calls[-1].request.headers["Authorization"]
    assert sent == "Basic cG9ydGFsOmElM0FiJTJCYytkJTI1"
