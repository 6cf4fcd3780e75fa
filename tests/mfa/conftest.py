import pytest
import responses
from django.urls import reverse

from mfa import challenges
from mfa.models import Purpose
from mfa.oidc.client import client as idme_client
from tests.factories import PASSWORD, code_of, intent_of, make_user
from tests.mfa.idme.provider import Provider

DIGEST = "d" * 64
SESSION = "a-session-key"


@pytest.fixture
def prove(alice, phone):
    """Prove with Alice's phone; a test changes one thing."""

    def prove(**overrides):
        facts = {
            "device": phone,
            "purpose": Purpose.SIGN,
            "payload_digest": DIGEST,
            "password": PASSWORD,
            "session_key": SESSION,
        } | overrides
        if "code" not in facts:
            facts["code"] = code_of(facts["device"])
        return challenges.prove(intent_of(facts, user=alice), **facts)

    return prove


@pytest.fixture
def idme():
    """ID.me, honest until a test says otherwise; nothing has been discovered yet."""
    idme_client.cache_clear()
    provider = Provider()
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        provider.listen(mock)
        provider.mock = mock
        yield provider
    idme_client.cache_clear()


@pytest.fixture
def nora(db):
    """Somebody with an account of the portal and nothing linked to it."""
    return make_user("nora")


@pytest.fixture
def sign_in(client, nora, idme):
    """Go to ID.me and come back as Nora; a test changes what comes back."""
    client.force_login(nora)

    def sign_in(*, purpose="link", next_path="", **changes):
        query = {"purpose": purpose, "next": next_path}
        started = client.get(reverse("idme-start"), query)
        if started.status_code != 302:
            return started
        answer = idme.authorize(started.url) | changes
        return client.get(
            reverse("idme-callback"), {k: v for k, v in answer.items() if v is not None}
        )

    return sign_in


@pytest.fixture
def as_alice(client, alice):
    client.force_login(alice)
    return client
