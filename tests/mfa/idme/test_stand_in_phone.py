"""Asking the demo phone: client and stand-in over HTTP, as each really is."""

import json
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from mfa.oidc import backchannel
from mfa.oidc.client import client as idme_client
from tests import processes
from tests.keys import write_client_key
from tests.mfa.idme.test_stand_in import published_key  # noqa: F401
from tests.sandbox.people import RILEY, RILEY_PUSH, WORLD
from tests.sandbox.phone import Phone
from tests.sandbox.visitor import CALLBACK

MESSAGE = "R.R. oxycodone 5 mg tablet, 30 tablets"
INTERVAL = 1  # seconds


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory, published_key):  # noqa: F811
    folder = tmp_path_factory.mktemp("stand-in")
    world = folder / "world.json"
    world.write_text(json.dumps(WORLD))
    server = processes.start_idme(
        folder,
        world=world,
        client_jwks_uri=published_key,
        redirect_uris=[CALLBACK],
        backchannel_interval=INTERVAL,
    )
    yield server
    server.stop()


@pytest.fixture
def phone(stand_in, settings):
    settings.IDME_ISSUER = f"{stand_in.origin}/oidc"
    settings.IDME_BINDING_MESSAGE_LENGTH = 200
    idme_client.cache_clear()
    yield Phone(stand_in.origin, "ready")
    idme_client.cache_clear()


def ask():
    return backchannel.start(
        subject=RILEY, device=RILEY_PUSH, message=MESSAGE, number="47", expires_in=120
    )


def poll(started):
    return backchannel.poll(started.request_id, subject=RILEY)


@pytest.mark.slow
def test_the_number_of_the_portal_approves_on_the_phone(phone):
    assert backchannel.is_offered()
    started = ask()
    assert started.interval == INTERVAL
    assert poll(started).state == "pending"
    assert poll(started).state == "slow_down"
    assert MESSAGE in phone.page

    phone.decide("approved", number="47")
    answer = poll(started)

    assert answer.state == "approved"
    assert answer.claims["mfa_device"] == RILEY_PUSH
    assert answer.claims["auth_time"] == pytest.approx(time.time(), abs=10)


@pytest.mark.parametrize(
    ("decision", "state"), [("declined", "denied"), ("not_me", "not_me")]
)
@pytest.mark.slow
def test_the_phone_declines_and_may_say_why(phone, decision, state):
    started = ask()

    phone.decide(decision)

    assert poll(started).state == state


@pytest.mark.slow
def test_a_key_does_instead_of_a_secret(phone, settings, tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    settings.IDME_CLIENT_KEY_FILE = str(write_client_key(tmp_path, key))
    settings.IDME_CLIENT_SECRET = ""
    idme_client.cache_clear()
    started = ask()

    phone.decide("approved", number="47")

    assert poll(started).state == "approved"
