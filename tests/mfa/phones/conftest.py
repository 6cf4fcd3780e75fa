import re
import time

import pytest
from django.core.cache import cache

from mfa.models import ChallengeState, Kind, Purpose, Push, Source
from mfa.phones import messages
from mfa.push import pushes
from tests.factories import (
    PASSWORD,
    intent_of,
    make_device,
    make_idme_account,
    make_user,
)
from tests.mfa.phones.handset import Handset

SESSION = "a-session-key"
DIGEST = "d" * 64
OPEN = (ChallengeState.OPEN, "")
ADD, PAIR = "/devices/add/phone/", "/devices/add/phone/pair/"


def scan(client):
    """Begin pairing and return the token that the phone reads from the QR code."""
    client.post(ADD, {"begin": "yes"})
    page = client.get(PAIR).content.decode()
    return re.search(r"http://testserver/phone/#pair=([\w-]{43})<", page).group(1)


def number_of(challenge):
    return Push.objects.get(pk=challenge.pk).number


def state_of(challenge):
    challenge.refresh_from_db()
    return challenge.state, Push.objects.get(pk=challenge.pk).ended_because


@pytest.fixture(autouse=True)
def _forget_polls():
    cache.clear()


@pytest.fixture
def handset():
    return Handset()


@pytest.fixture
def paired(alice, handset):
    """Alice's phone as her primary device; `handset` has its key."""
    alice.mfa_devices.update(is_primary=False)
    device = make_device(
        alice,
        name="PushPhone",
        is_primary=True,
        kind=Kind.PUSH,
        source=Source.PORTAL,
        external_id="",
        public_key=messages.stored(handset.key),
    )
    handset.device = device.public_id
    return device


@pytest.fixture
def ask(alice, paired):
    """Ask Alice's phone; a test changes one thing."""

    def ask(**overrides):
        facts = {
            "device": paired,
            "purpose": Purpose.SIGN,
            "payload_digest": DIGEST,
            "message": "R.R.: oxycodone 5 mg tablet, quantity 30",
            "password": PASSWORD,
            "session_key": SESSION,
        } | overrides
        return pushes.start(intent_of(facts, user=alice), **facts)

    return ask


@pytest.fixture
def asked(ask):
    return ask()


@pytest.fixture
def request_on_phone(asked, handset):
    """What the phone was told about the push, as the first poll says it."""
    [request] = handset.poll().json()["requests"]
    return request


@pytest.fixture
def nora(client):
    """Linked, and just signed in to ID.me; no device yet."""
    user = make_user("nora")
    make_idme_account(user)
    client.force_login(user)
    session = client.session
    session["idme_authenticated_at"] = time.time()
    session.save()
    return user
