"""What ID.me answers after the account was unlinked is not taken."""

import pytest
from django.urls import reverse

from audit.acts import Act
from audit.models import Event
from mfa.idme import portal_sign_in, unlink
from mfa.models import IdmeAccount
from tests.factories import make_idme_account
from tests.mfa.idme.outage.pages import said
from tests.mfa.idme.provider import listed

pytestmark = pytest.mark.django_db
USERINFO = "/api/public/v3/userinfo"


@pytest.fixture
def unlinks_meanwhile(client, sign_in, idme, nora):
    """Nora's list is asked for, and she unlinks in another tab before it comes."""
    idme.devices = []
    sign_in()
    account = IdmeAccount.objects.linked().get(user=nora)
    idme.devices = [listed(name="MyiPhone")]
    idme.meanwhile[USERINFO] = lambda: unlink.unlink(
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


def test_who_unlinks_while_somebody_signs_in_is_not_linked_again(
    client, idme, nora, monkeypatch
):
    """The account may be unlinked because it was stolen; the thief does not undo it."""
    account = make_idme_account(nora, subject=idme.subject)
    found = portal_sign_in.linked_user

    def found_and_unlinked(sign_in):
        user = found(sign_in)
        unlink.unlink(account, by=user, session_key="another tab")
        return user

    monkeypatch.setattr(portal_sign_in, "linked_user", found_and_unlinked)
    started = client.get(reverse("idme-start"), {"purpose": "sign_in"})

    response = client.get(reverse("idme-callback"), idme.authorize(started.url))

    assert response.status_code == 403
    assert "No ID.me account is linked" in said(response)
    assert "_auth_user_id" not in client.session
    assert not IdmeAccount.objects.linked().filter(user=nora).exists()
