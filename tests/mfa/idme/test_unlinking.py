"""Off with the old ID.me account: signing stops, the record keeps both."""

import pytest
from django.urls import reverse
from django.utils import timezone

from audit.acts import Act
from audit.models import Event
from mfa import totp, vault
from mfa.idme import device_sync, link
from mfa.models import Device, IdmeAccount, Kind, Push, Retirement, Source
from mfa.oidc.responses import Tokens
from mfa.push import answers
from providers import readiness, standing
from providers.access import access_requests
from tests.factories import (
    PASSWORD,
    code_of,
    make_device,
    make_grant,
    make_idme_account,
    make_paired_phone,
    make_user,
)

pytestmark = pytest.mark.django_db
UNLINK = reverse("idme-unlink")


@pytest.fixture
def listed(alice):
    """A code generator that came from Alice's ID.me account, and is primary."""
    Device.objects.filter(user=alice).update(is_primary=False)
    return make_device(
        alice, name="Listed", source=Source.IDME, external_id="d1", is_primary=True
    )


@pytest.fixture
def as_alice(client, alice):
    client.force_login(alice)
    return client


def unlink(client, device, **overrides):
    data = {"password": PASSWORD, "device": str(device.public_id)}
    if device.kind == Kind.CODE_GENERATOR:
        data["code"] = code_of(device)
    return client.post(UNLINK, data | overrides)


def labels(user):
    practice = user.memberships.get().practice
    found = readiness.blockers_to_signing(standing.of(user.provider, practice=practice))
    return [blocker.label for blocker in found]


def test_the_page_says_what_follows(as_alice):
    page = as_alice.get(UNLINK).content.decode()

    assert "Every device that ID.me lists is taken out of use" in page
    assert "two people who set access have to give you the right to sign again" in page


@pytest.mark.cfr("1311.105(a)(1)")
def test_unlinking_stops_signing_and_keeps_the_record(
    as_alice, alice, listed, mailoutbox, django_capture_on_commit_callbacks
):
    account = alice.idme_accounts.get()
    account.set_refresh_token("token")
    account.save()

    with django_capture_on_commit_callbacks(execute=True):
        response = unlink(as_alice, listed)

    assert response.url == reverse("erx-info")
    account.refresh_from_db()
    assert account.unlinked_at
    assert account.sealed_refresh_token == ""
    listed.refresh_from_db()
    assert listed.retired_because == Retirement.UNLINKED
    assert not listed.is_primary
    assert "Your identity is not verified." in labels(alice)
    event = Event.objects.get(act=Act.IDME_UNLINKED)
    assert event.subject == f"mfa.idmeaccount:{account.public_id}"
    assert "signing has stopped" in mailoutbox[0].subject


def test_a_device_of_the_portal_stays(as_alice, alice, phone):
    unlink(as_alice, phone)

    phone.refresh_from_db()
    assert phone.retired_at is None


@pytest.mark.parametrize(
    "wrong", [{"password": "guess"}, {"code": "000000"}, {"code": ""}]
)
def test_both_factors_are_asked(as_alice, alice, phone, wrong):
    response = unlink(as_alice, phone, **wrong)

    assert response.status_code == 422
    assert alice.idme_accounts.linked().exists()


def test_a_push_unlinks_too(as_alice, alice, phone):
    handset = make_paired_phone(alice)
    unlink(as_alice, handset)
    push = Push.objects.get()
    answers.approve(push, number=push.number)

    as_alice.post(UNLINK, {"waiting": str(push.challenge.public_id)})

    assert not alice.idme_accounts.linked().exists()


def test_without_a_device_the_password_is_enough(client):
    user = make_user("plain")
    make_idme_account(user)
    client.force_login(user)

    assert client.post(UNLINK, {"password": "guess"}).status_code == 422
    assert user.idme_accounts.linked().exists()
    client.post(UNLINK, {"password": PASSWORD})

    assert not user.idme_accounts.linked().exists()


def test_who_is_not_linked_is_told_so(client, mallory):
    client.force_login(mallory)

    page = client.get(UNLINK, follow=True).content.decode()

    assert "No ID.me account is linked" in page


def test_the_same_account_brings_its_devices_back(as_alice, alice, listed):
    seed = listed.seed()
    old = alice.idme_accounts.get()
    unlink(as_alice, listed)

    again = make_idme_account(alice, subject=old.subject, devices_refreshed_at=None)
    entry = {"id": "d1", "type": "code_generator", "name": "X", "secret": base32(seed)}
    device_sync.apply_list(again, [entry], by=alice, at=again.linked_at)

    listed.refresh_from_db()
    assert (listed.retired_at, listed.name) == (None, "Listed")
    assert not listed.is_primary
    assert not [label for label in labels(alice) if "approved" in label]


@pytest.mark.cfr("1311.105(a)")
def test_another_account_needs_another_approval(as_alice, alice, listed, practice):
    unlink(as_alice, listed)
    make_idme_account(alice, subject="another")

    [label] = [label for label in labels(alice) if "approved" in label]
    assert label == "You were approved before this ID.me account was linked."

    access_requests.give_up(alice.provider, by=alice, reason="Another ID.me account")
    make_grant(alice.provider, practice=practice)

    assert not [label for label in labels(alice) if "approved" in label]


def test_an_unlinked_account_can_be_linked_to_another_user_with_its_devices(
    as_alice, alice, bob, listed
):
    seed, subject = listed.seed(), alice.idme_accounts.get().subject
    unlink(as_alice, listed)
    bob.idme_accounts.update(unlinked_at="2026-11-01T00:00:00Z")

    account = make_idme_account(bob, subject=subject, devices_refreshed_at=None)
    entry = {"id": "d1", "type": "code_generator", "name": "X", "secret": base32(seed)}
    changes = device_sync.apply_list(account, [entry], by=bob, at=account.linked_at)

    assert changes.added == 1
    prints = Device.objects.filter(seed_fingerprint=vault.fingerprint(seed))
    assert {device.user for device in prints} == {alice, bob}
    assert IdmeAccount.objects.filter(subject=subject).count() == 2


def test_a_list_that_comes_after_the_unlinking_is_not_taken(as_alice, alice, phone):
    account = alice.idme_accounts.get()
    unlink(as_alice, phone)

    link.store_refresh_token(
        account, Tokens(access_token="a", refresh_token="r"), at=timezone.now()
    )
    entry = {"id": "d1", "type": "push", "name": "Late"}
    with pytest.raises(device_sync.DeviceSyncUnavailable, match="unlinked meanwhile"):
        device_sync.apply_list(account, [entry], by=alice, at=timezone.now())

    account.refresh_from_db()
    assert account.sealed_refresh_token == ""
    assert not Device.objects.filter(name="Late").exists()


def base32(seed):
    return totp.to_base32(seed)


@pytest.mark.cfr("1311.105(a)(1)")
@pytest.mark.parametrize(
    ("at_idme", "blocks"), [("Someone", True), ("Example-Jones", False)]
)
def test_another_name_at_idme_blocks_and_goes_on_record(
    client, idme, sign_in, alice, at_idme, blocks
):
    client.force_login(alice)
    idme.subject = alice.idme_accounts.get().subject
    idme.userinfo = {"lname": at_idme}

    page = client.get(sign_in().url).content.decode()

    assert ("ID.me verified Riley Someone" in page) is blocks
    assert Event.objects.filter(act=Act.IDME_NAME_DIFFERS).exists() is blocks
