import pytest

from tests.factories import make_user
from tests.prescriptions.safeguards.audits import make_audit

LIVE = "https://network.com/script"


@pytest.fixture
def steve(db):
    return make_user("steve", is_staff=True)


@pytest.fixture
def sue(db):
    return make_user("sue", is_staff=True)


@pytest.fixture
def live(settings):
    """An installation for real patients, but for the audit."""
    settings.DEMO = False
    settings.SCRIPT_NETWORK_URL = LIVE
    return settings


@pytest.fixture
def certified(live, steve, sue):
    return make_audit(steve, confirmed_by=sue)
