import pytest

from mfa import challenges
from mfa.models import Purpose
from providers.access import access_requests
from tests.factories import (
    PASSWORD,
    code_of,
    intent_of,
    make_device,
    make_idme_account,
    make_provider,
    seen_of,
)

SESSION = "session-of-a-test"


@pytest.fixture
def manager(alice):
    """The administrator of Alice's practice, a designee who is no registrant."""
    return alice.provider.access_grants.get().request.entered_by


@pytest.fixture
def nora(alice, practice):
    """A provider with a verified identity, a device and no right to sign yet."""
    nora = make_provider("nora", practice=practice)
    make_idme_account(nora.user)
    make_device(nora.user, name="NorasPhone", is_primary=True)
    return nora


@pytest.fixture
def entered(nora, manager, practice):
    """The manager's entry that Nora may sign."""
    return access_requests.request_grant(
        nora, practice=practice, by=manager, look_up=seen_of(nora)
    )


@pytest.fixture
def execute():
    """Execute a request with both factors, as somebody with a device."""

    def go(request, *, by):
        return access_requests.approve(
            request, by=by, challenge=passed(request, by=by), session_key=SESSION
        )

    return go


def passed(request, *, by, **overrides):
    """Return a challenge that was passed for exactly this request."""
    device = make_device(by)  # a new one each time, as a code is for one use
    facts = {
        "purpose": Purpose.APPROVE_ACCESS,
        "payload_digest": request.digest,
        "session_key": SESSION,
    } | overrides
    return challenges.prove(
        intent_of(facts, user=by),
        device=device,
        password=PASSWORD,
        code=code_of(device),
        **facts,
    )
