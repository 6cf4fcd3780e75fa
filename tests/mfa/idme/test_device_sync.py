"""Reading the device list of ID.me again."""

from datetime import timedelta

import pytest
import requests
from django.contrib.messages import get_messages
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from audit.acts import Act
from audit.models import Event
from mfa.idme import device_sync, link
from tests.mfa.idme.lists import names_of
from tests.mfa.idme.provider import BASE, MISSING, listed


def test_refreshing_takes_the_list_over(client, known, alice):
    known.devices = [listed(name="OfficeiPad")]
    client.force_login(alice)

    response = client.post(reverse("idme-devices-refresh"), follow=True)

    assert response.redirect_chain[0][0] == reverse("erx-info")
    assert names_of(alice) == ["OfficeiPad"]
    account = alice.idme_accounts.linked().get()
    assert timezone.now() - account.devices_refreshed_at < timedelta(minutes=1)
    acts = set(Event.objects.values_list("act", flat=True))
    assert acts == {Act.SIGN_IN_SUCCEEDED, Act.DEVICE_ADDED, Act.FEED_APPLIED}


def test_refreshing_is_a_post(client, known, alice):
    client.force_login(alice)

    assert client.get(reverse("idme-devices-refresh")).status_code == 405


def test_a_refresh_keeps_the_token_that_is_not_rotated(known, account, alice):
    known.devices = []

    device_sync.refresh(account, by=alice)
    account.refresh_from_db()
    device_sync.refresh(account, by=alice)

    assert known.count("/oauth/token") == 2


@pytest.mark.both_databases
def test_a_rotated_refresh_token_is_kept_even_if_the_list_fails(known, account, alice):
    known.token["refresh_token"] = "refresh-9"
    known.mock.remove("GET", f"{BASE}/api/public/v3/userinfo")
    known.mock.add("GET", f"{BASE}/api/public/v3/userinfo", status=500)

    with pytest.raises(device_sync.DeviceSyncUnavailable):
        device_sync.refresh(account, by=alice)

    account.refresh_from_db()
    assert link.usable_refresh_token(account) == "refresh-9"


@pytest.mark.both_databases
def test_no_transaction_is_open_while_idme_is_asked(known, account, alice):
    known.devices = []
    depth = len(connection.savepoint_ids)
    seen = []
    answer = known._userinfo
    known.mock.remove("GET", f"{BASE}/api/public/v3/userinfo")
    known.mock.add_callback(
        "GET",
        f"{BASE}/api/public/v3/userinfo",
        callback=lambda request: (
            seen.append(len(connection.savepoint_ids)) or answer(request)
        ),
    )

    device_sync.refresh(account, by=alice)

    assert seen == [depth]


@pytest.mark.parametrize("path", ["/oauth/token", "/api/public/v3/userinfo"])
def test_a_failed_refresh_says_how_old_the_list_is(known, account, alice, path):
    method = "POST" if path == "/oauth/token" else "GET"
    known.mock.remove(method, BASE + path)
    known.mock.add(method, BASE + path, body=requests.ConnectionError())
    before = account.devices_refreshed_at

    with pytest.raises(device_sync.DeviceSyncUnavailable) as failure:
        device_sync.refresh(account, by=alice)

    assert "ID.me cannot be reached" in str(failure.value)
    assert "The list is 3\xa0hours old." in str(failure.value)
    account.refresh_from_db()
    assert account.devices_refreshed_at == before
    assert Event.objects.get().act == Act.FEED_FAILED


@pytest.mark.parametrize("why", ["none", "expired", "refused", "unreadable"])
def test_without_a_good_refresh_token_the_person_has_to_sign_in(
    known, account, alice, why
):
    if why == "none":
        account.sealed_refresh_token = ""
    if why == "expired":
        account.refresh_token_expires_at = timezone.now()
    if why == "refused":
        known.refresh_tokens.clear()
    if why == "unreadable":
        account.sealed_refresh_token = "f1.AAAA"

    with pytest.raises(device_sync.NeedsSignIn) as refusal:
        device_sync.refresh(account, by=alice)

    assert "Sign in with ID.me again" in str(refusal.value)


def test_userinfo_of_somebody_else_changes_nothing(known, account, alice):
    known.subject = "somebody-else"
    known.devices = [listed()]

    with pytest.raises(device_sync.DeviceSyncUnavailable):
        device_sync.refresh(account, by=alice)

    assert names_of(alice) == []


@pytest.mark.parametrize("form", ["signed", "json", "sealed-unsigned"])
def test_seeds_come_out_of_signed_and_encrypted_userinfo_only(
    known, account, alice, form
):
    known.userinfo_as = form
    known.devices = [listed()]

    with pytest.raises(device_sync.DeviceSyncUnavailable):
        device_sync.refresh(account, by=alice)

    assert names_of(alice) == []


def test_a_missing_claim_is_not_an_empty_list(known, account, alice, take):
    take(listed(id="one"))
    known.devices = MISSING
    account.refresh_from_db()

    with pytest.raises(device_sync.DeviceSyncUnavailable):
        device_sync.refresh(account, by=alice)

    assert names_of(alice) == ["MyiPhone (2)"]


def test_refreshing_without_a_link_says_what_to_do(client, mallory):
    client.force_login(mallory)

    response = client.post(reverse("idme-devices-refresh"))

    (message,) = get_messages(response.wsgi_request)
    assert "Verify with ID.me first" in str(message)
