"""What ID.me answers after the account was unlinked is not taken."""

import pytest
from django.urls import reverse

from audit.acts import Act
from audit.models import Event
from mfa.idme import unlinking
from mfa.models import IdmeAccount
from tests.mfa.idme.provider import listed
from tests.mfa.idme.test_outage import said

pytestmark = pytest.mark.django_db
USERINFO = "/api/public/v3/userinfo"


@pytest.fixture
def unlinks_meanwhile(client, sign_in, idme, nora):
    """Nora's list is asked for, and she unlinks in another tab before it comes."""
    idme.devices = []
    sign_in()
    account = IdmeAccount.objects.linked().get(user=nora)
    idme.devices = [listed(name="MyiPhone")]
    idme.meanwhile[USERINFO] = lambda: unlinking.unlink(
        account, by=nora, session_key=client.session.session_key
    )
    return account


@pytest.mark.parametrize("token", [{}, {"refresh_token": "refresh-2"}])
def test_a_list_that_comes_too_late_adds_no_device(
    client, idme, nora, unlinks_meanwhile, token
):
    idme.token = token

    response = client.post(reverse("idme-devices-refresh"))

    assert response.status_code == 302
    assert "unlinked" in said(response)
    assert not nora.mfa_devices.exists()
    unlinks_meanwhile.refresh_from_db()
    assert unlinks_meanwhile.sealed_refresh_token == ""
    assert Event.objects.order_by("sequence").last().act == Act.FEED_FAILED


def test_a_refresh_that_is_asked_for_too_late_asks_idme_nothing(
    client, idme, nora, unlinks_meanwhile
):
    idme.meanwhile.pop(USERINFO)()
    idme.calls.clear()

    response = client.post(reverse("idme-devices-refresh"))

    assert "Verify with ID.me first" in said(response)
    assert idme.calls == []
