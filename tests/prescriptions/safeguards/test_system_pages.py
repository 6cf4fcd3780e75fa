"""System status, and what every page says about the audit."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from prescriptions import signer
from prescriptions.models import (
    ClockMeasurement,
    ClockState,
    SigningStop,
    ThirdPartyAudit,
)
from prescriptions.safeguards import certification, stops
from tests.factories import make_provider, make_user
from tests.prescriptions.safeguards.pages import STATUS, instance, plain, report, text

pytestmark = pytest.mark.django_db

BANNER = "Not certified: demonstration mode."


@pytest.fixture
def pete(practice):
    """A provider there who sets no access."""
    return make_provider("pete", practice=practice).user


@pytest.mark.parametrize("who", ["sam", "mallory", "pete"])
@pytest.mark.parametrize(
    "name", ["system-status", "signing-stop-add", "certification-add"]
)
def test_the_pages_are_for_administrators_and_designees(client, request, who, name):
    client.force_login(request.getfixturevalue(who))

    assert client.get(reverse(name)).status_code == 403
    refused = {403, 405}
    assert client.post(reverse(name), report() | {"reason": "x"}).status_code in refused
    assert not SigningStop.objects.exists()
    assert not ThirdPartyAudit.objects.exists()


def test_reports_are_for_administrators_only(client, alice, steve):
    """Alice is a designee of her practice."""
    entered = certification.enter(instance(), by=steve)
    client.force_login(alice)

    for url in [
        reverse("certification-add"),
        reverse("certification-detail", args=[entered.public_id]),
    ]:
        assert client.get(url).status_code == 403
        assert client.post(url, {"act": "confirm"}).status_code == 403


def test_the_status_of_a_demonstration_is_honest(client, steve):
    signer.current_key()
    signer.record_module()
    client.force_login(steve)

    page = text(client.get(STATUS))

    assert "Everything is in order." not in page
    assert "Not shown to be in order: signing module, clock, certification." in page
    assert "Nobody has compared it with NIST time." in page
    assert signer.current_key().kid in page
    assert "OpenSSL" in page
    assert "FIPS mode: " in page
    assert "Not certified" in page
    assert "SQLite" in page or "PostgreSQL" in page


@pytest.mark.cfr("1311.120(b)(16)(i)")
def test_the_status_says_whether_anybody_shows_a_validated_module(
    client, steve, settings
):
    client.force_login(steve)
    signer.record_module()
    assert "in order: signing module, " in text(client.get(STATUS))

    settings.SIGNING_MODULE_CERTIFICATE = "CMVP 4282"
    signer.record_module()

    page = text(client.get(STATUS))
    assert "The site claims certificate CMVP 4282." in page
    assert "signing module, " not in page


def test_the_status_shows_what_is_out_of_order_and_what_to_do(client, steve, settings):
    ClockMeasurement.objects.create(
        slot=1,
        measured_at=timezone.now(),
        offset_ms=-400_000,
        source="time.example",
        state=ClockState.DRIFT,
    )
    call_command("deactivate_signing", "The server moves.", stdout=StringIO())
    settings.SCRIPT_NETWORK_URL = ""
    client.force_login(steve)

    page = text(client.get(STATUS))

    assert "Nothing is marked ready or signed" in page
    assert "400 seconds off NIST time" in page
    assert "time.example" in page
    assert "The server moves." in page
    assert "No pharmacy network is configured." in page
    assert "SCRIPT_NETWORK_URL" in page


def test_a_designee_sees_the_status_and_the_stops_of_their_practice(
    client, alice, steve, bob
):
    elsewhere = bob.memberships.get().practice
    stops.stop(by=steve, practice=elsewhere, reason="Only there.")
    stops.stop(by=steve, practice=None, reason="Everywhere.")
    client.force_login(alice)

    page = text(client.get(STATUS))

    assert "Everywhere." in page
    assert "Only there." not in page
    there = SigningStop.objects.get(practice=elsewhere)
    for name in ["signing-stop", "signing-restore"]:
        url = reverse(name, args=[there.public_id])
        assert client.get(url).status_code == 404
        assert client.post(url, {"remedy": "x"}).status_code == 404


@pytest.mark.cfr("1311.100(b)(2)")
@pytest.mark.parametrize("name", ["home", "prescription-list", "system-status"])
def test_every_page_says_that_it_is_not_certified(client, alice, name):
    client.force_login(alice)

    assert BANNER in text(client.get(reverse(name)))


@pytest.mark.cfr("1311.100(b)(2)")
def test_a_stranger_reads_it_before_signing_in(client):
    assert BANNER in text(client.get(reverse("sign-in")))


@pytest.mark.cfr("1311.100(c)")
@pytest.mark.cfr("1311.300")
@pytest.mark.cfr("1311.300(a)")
@pytest.mark.cfr("1311.300(f)")
def test_an_installation_that_is_not_audited_says_so_until_it_is(
    client, settings, steve, alice
):
    settings.DEMO = False
    client.force_login(alice)
    assert "Not certified. No third-party audit" in plain(client.get(reverse("home")))

    entered = certification.enter(instance(), by=steve)
    certification.confirm(entered, by=make_user("sue", is_staff=True))

    page = plain(client.get(reverse("home")))
    assert "Not certified" not in page
    assert "Audited under 21 CFR 1311.300: Careful Auditors LLP" in page
    assert "https://portal.example/audit.pdf" in page
