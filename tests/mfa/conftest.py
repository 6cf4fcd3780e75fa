import pytest

from mfa import challenges
from mfa.models import Purpose
from tests.factories import PASSWORD, code_of

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
        return challenges.prove(
            overrides.get("user", alice),
            **{key: value for key, value in facts.items() if key != "user"},
        )

    return prove
