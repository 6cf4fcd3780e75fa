"""Who lost the primary device reads it on every page, until another is selected."""

import pytest
from django.core import mail
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from mfa import challenges, devices
from mfa.models import Device, Intent, Purpose, Retirement
from tests.factories import PASSWORD, code_of, make_device, make_paired_phone

pytestmark = pytest.mark.django_db
PAGES = ["home", "prescription-list", "patient-list", "erx-info", "provider-settings"]
SAID = "You cannot sign controlled substances:"


@pytest.fixture
def read(client, alice):
    client.force_login(alice)
    return lambda name: client.get(reverse(name)).content.decode()


@pytest.mark.parametrize("name", PAGES)
def test_a_vanished_primary_is_announced_on_every_page(read, phone, name):
    assert SAID not in read(name)

    devices.retire_vanished(phone, by=phone.user)

    page = read(name)
    assert SAID in page
    assert "“MyiPhone”, your primary device, is no longer in your ID.me account" in page


def test_the_next_one_is_suggested_and_not_chosen(read, alice, phone):
    ipad = make_device(alice, name="OfficeiPad", last_used_at=timezone.now())
    make_paired_phone(alice, name="Never used", last_used_at=None)

    devices.retire_vanished(phone, by=alice)

    page = read("home")
    assert "Select “OfficeiPad” as the primary device" in page
    assert reverse("device-primary", args=[ipad.public_id]) in page
    assert devices.primary_of(alice) is None


def test_it_ends_when_another_is_selected(read, alice, phone):
    ipad = make_device(alice, name="OfficeiPad")
    devices.retire_vanished(phone, by=alice)
    with transaction.atomic():
        devices.promote(ipad, by=alice)

    assert SAID not in read("home")


def test_a_primary_that_its_owner_removed_is_not_announced(read, alice, phone):
    challenge = challenges.prove(
        Intent(alice, Purpose.RETIRE_DEVICE, devices.retirement_digest(phone), "s"),
        device=phone,
        password=PASSWORD,
        code=code_of(phone),
    )
    devices.retire(phone, by=alice, challenge=challenge, session_key="s")

    phone.refresh_from_db()
    assert phone.retired_because == Retirement.REMOVED
    assert SAID not in read("home")


def test_nobody_else_reads_it(client, bob, phone):
    devices.retire_vanished(phone, by=None)
    client.force_login(bob)

    assert SAID not in client.get(reverse("home")).content.decode()


def test_a_device_that_only_ceased_to_be_listed_is_not_announced(read, alice):
    other = make_device(alice, name="Second")
    devices.retire_vanished(other, by=alice)

    assert SAID not in read("home")


def test_a_disabled_primary_is_announced(read, alice, phone):
    Device.objects.filter(pk=phone.pk).update(
        disabled_at=timezone.now(), is_primary=False, lost_primary_at=timezone.now()
    )

    assert "was disabled after too many failures" in read("home")


def test_the_mail_names_the_suggestion(
    alice, phone, django_capture_on_commit_callbacks
):
    make_device(alice, name="OfficeiPad")

    with django_capture_on_commit_callbacks(execute=True):
        devices.retire_vanished(phone, by=alice)

    assert "such as “OfficeiPad”" in mail.outbox[0].body


def test_it_is_said_once_on_the_page_of_devices(read, alice, phone):
    make_device(alice, name="OfficeiPad")
    devices.retire_vanished(phone, by=alice)

    page = read("erx-info")

    assert SAID in page
    assert "No primary device is selected." not in page


def test_who_never_signs_is_not_told_of_signing(client, sam):
    only = make_device(sam, is_primary=True)
    client.force_login(sam)
    page = client.get(reverse("erx-info")).content.decode()
    assert "it signs" not in page
    assert "stops you from signing" not in page

    devices.retire_vanished(only, by=sam)

    page = client.get(reverse("home")).content.decode()
    assert SAID not in page
    assert "You have no primary device:" in page
