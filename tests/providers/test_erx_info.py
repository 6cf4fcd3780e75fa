"""Account > Provider Settings > eRx Info, in the words of the vendor's article."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from mfa.models import Device, Kind, Source
from providers.access import suspension
from providers.models import Cause
from tests.factories import make_device, make_idme_account, make_provider

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client, alice):
    """Open eRx Info as Alice, or as whoever is given; return it without mark-up."""

    def read(user=alice, *, raw=False):
        client.force_login(user)
        content = client.get(reverse("erx-info")).content.decode()
        return content if raw else " ".join(strip_tags(content).split())

    return read


def test_the_account_menu_leads_to_provider_settings_and_its_tabs(client, alice):
    client.force_login(alice)

    home = client.get(reverse("home")).content.decode()
    settings_page = client.get(reverse("provider-settings")).content.decode()

    assert "<summary>Account</summary>" in home
    assert f'<a href="{reverse("provider-settings")}">Provider Settings</a>' in home
    assert f'<a href="{reverse("erx-info")}">eRx Info</a>' in settings_page


def test_a_ready_provider_reads_all_facts(page, alice):
    text = page()

    assert "Ready to sign prescriptions for controlled substances" in text
    assert "Verified with ID.me as Alice Example (IAL2, AAL2)" in text
    assert "Approved for Main Street Clinic (demo)" in text
    assert "Entered by Admin-Of-Alice, executed by yourself, as the only" in text
    assert alice.provider.npi in text
    assert alice.provider.dea_registrations.get().number in text


def test_a_new_provider_is_told_what_blocks_and_where_to_begin(page, practice):
    nora = make_provider("nora", practice=practice)

    raw = page(nora.user, raw=True)

    assert "What still blocks signing" in raw
    assert "Your identity is not verified." in raw
    assert f'href="{reverse("idme-start")}">Verify with ID.me</a>' in raw
    assert "Not approved" in raw
    assert "No device yet." in raw
    assert reverse("idme-devices-refresh") not in raw


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ([], "Not set up"),
        ([Kind.CODE_GENERATOR], "Multi-factor authentication Code generator"),
        ([Kind.PUSH], "Multi-factor authentication Push notification"),
        ([Kind.PUSH, Kind.CODE_GENERATOR], "Push notification and code generator"),
        ([Kind.TEXT], "Not set up"),
    ],
)
def test_it_says_which_option_is_set_up(page, practice, kinds, words):
    nora = make_provider("nora", practice=practice)
    make_idme_account(nora.user)
    for kind in kinds:
        make_device(nora.user, kind=kind)

    assert words in page(nora.user)


def test_only_what_may_become_primary_offers_to(page, alice, phone):
    other = make_device(alice, name="OfficeiPad")
    text = make_device(alice, name="Text to 0199", kind=Kind.TEXT, source=Source.IDME)
    push = make_device(alice, name="Push", kind=Kind.PUSH)
    disabled = make_device(alice, name="Old", disabled_at=timezone.now())

    raw = page(raw=True)

    assert raw.count("Primary device</span>") == 1
    assert _select(other) in raw
    assert _select(push) in raw
    for device in [phone, text, disabled]:
        assert _select(device) not in raw, device
    for device in [phone, text, push, disabled]:
        assert reverse("device-rename", args=[device.public_id]) in raw
    assert "Not accepted for controlled substances" in raw


def test_a_reported_device_stays_in_sight_with_what_to_do_next(page, alice, phone):
    suspension.report_device(phone, by=alice, cause=Cause.LOST)
    suspension.suspend(alice.provider, cause=Cause.LEFT)

    text = page(alice)

    assert f"“{phone}” was reported on" in text
    assert "Change your password" in text
    assert "Ask Admin-Of-Alice to give you the right" in text
    assert "suspended: a device was lost; " in text


def test_update_mfa_device_leads_to_sign_in_and_security_and_back(page, settings):
    settings.IDME_ACCOUNT_URL = "https://idme.test/account/security/?lang=en"

    raw = page(raw=True).replace("&amp;", "&")

    link = raw.split(">Update MFA Device</a>")[0].rsplit('href="', 1)[1].split('"')[0]
    query = parse_qs(urlsplit(link).query)
    assert link.startswith("https://idme.test/account/security/")
    assert query == {
        "lang": ["en"],
        "return_to": [settings.PORTAL_ORIGIN + reverse("erx-info")],
    }


def test_the_age_of_the_list_is_told(page, alice):
    account = alice.idme_accounts.linked().get()
    account.devices_refreshed_at = timezone.now() - timedelta(hours=3, minutes=1)
    account.save()

    assert "(3 hours, 1 minute ago)" in page().replace("\xa0", " ")


def test_without_a_primary_one_is_suggested_and_none_chosen(page, alice):
    alice.mfa_devices.update(is_primary=False)
    recent = make_device(alice, name="OfficeiPad", last_used_at=timezone.now())

    raw = page(raw=True)

    assert "No primary device is selected." in raw
    assert f"Select “{recent}”" in raw
    assert not Device.objects.filter(is_primary=True).exists()


def test_one_device_is_one_too_few(page, alice):
    assert "Register a second one now" in page()
    make_device(alice)
    assert "Register a second one now" not in page()


def test_another_name_at_idme_is_pointed_out(page, alice):
    alice.idme_accounts.update(last_name="Other")
    assert (
        "ID.me verified Alice Other, and you are registered here as Alice Example"
        in page()
    )


def test_registrations_that_are_over_say_so(page, alice):
    alice.provider.dea_registrations.update(expires_on="2020-05-01")
    assert "expired May 1, 2020" in page()
    alice.provider.dea_registrations.update(ended_on="2020-03-01")
    assert "ended Mar 1, 2020" in page()


def test_whoever_prescribes_nothing_sees_identity_and_devices_only(page, sam):
    text = page(sam)

    assert "Verify with ID.me" in text
    assert "Update MFA Device" in text
    for word in ["Approval", "NPI", "DEA ", "blocks signing"]:
        assert word not in text.split("Your devices")[0], word


def test_nobody_sees_the_devices_of_somebody_else(page, alice, bob):
    make_device(alice, name="OnlyOfAlice")

    assert "OnlyOfAlice" not in page(bob)


def test_no_seed_is_on_the_page(page, phone):
    raw = page(raw=True)

    for secret in [phone.sealed_seed, phone.seed_fingerprint, phone.seed().hex()]:
        assert secret not in raw


def test_a_nickname_cannot_inject_mark_up(page, alice):
    make_device(alice, name="<script>alert(1)</script>")

    assert "<script>alert" not in page(raw=True)


def _select(device):
    return reverse("device-primary", args=[device.public_id])
