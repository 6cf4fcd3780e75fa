import pytest

from prescriptions import signer
from tests.prescriptions import factories


@pytest.fixture(autouse=True)
def _key_as_in_settings():
    """Unlock the key anew, for tests that put another one into the settings."""
    signer.close()
    yield
    signer.close()


@pytest.fixture
def draft(alice):
    return factories.make_draft(alice.provider)


@pytest.fixture
def ready(alice):
    return factories.make_ready(alice.provider)


@pytest.fixture
def queued(ready, phone):
    """Signed by Alice, with a message that waits in the outbox."""
    factories.sign(ready, phone)
    return ready
