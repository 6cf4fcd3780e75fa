"""System status, the stop switch and the reports of audits, as people meet them."""

from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from audit.acts import Act
from audit.models import Event
from prescriptions import signer
from prescriptions.models import (
    Capability,
    ClockMeasurement,
    ClockState,
    Finding,
    SigningStop,
    ThirdPartyAudit,
)
from prescriptions.safeguards import certification, releases, stops
from providers.models import Designee
from tests.factories import PASSWORD, code_of, make_provider, make_user

pytestmark = pytest.mark.django_db
STATUS = reverse("system-status")
BANNER = "Not certified: demonstration mode."


@pytest.fixture
def steve(db):
    return make_user("steve", is_staff=True)


@pytest.fixture
def pete(practice):
    """A provider there who sets no access."""
    return make_provider("pete", practice=practice).user


def text(response):
    return " ".join(response.content.decode().split())


def proof(user):
    device = user.mfa_devices.get(is_primary=True)
    return {"password": PASSWORD, "code": code_of(device)}


def report(**overrides):
    return {
        "auditor": "Careful Auditors LLP",
        "qualification": "cisa",
        "reported_on": timezone.localdate().isoformat(),
        "software_version": releases.software_version(),
        "finding": "compliant",
        "capabilities": ["content", "indicator", "refills"],
        "report_digest": "0" * 64,
        "report_location": "https://portal.example/audit.pdf",
    } | overrides


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


def instance(**overrides):
    facts = report(reported_on=timezone.localdate(), **overrides)
    return ThirdPartyAudit(**facts)


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


def plain(response):
    return text(response).replace("<strong>", "").replace("</strong>", "")


@pytest.mark.cfr("1311.302(a)")
@pytest.mark.cfr("1311.102(g)")
def test_everybody_is_told_at_once_not_to_use_it(client, steve, alice, sam, bob):
    client.force_login(steve)

    response = client.post(
        reverse("signing-stop-add"),
        {"practice": "", "reason": "It loses refills.", "fixed_in": "9.0"},
    )

    assert response.url == STATUS
    for user in [alice, sam, bob]:
        client.force_login(user)
        page = plain(client.get(reverse("prescription-list")))
        assert "Signing has stopped at every practice." in page
        assert "It loses refills. Version 9.0 is required before use." in page


def test_a_stop_of_one_practice_is_not_told_to_another(client, alice, bob, practice):
    client.force_login(alice)
    client.post(
        reverse("signing-stop-add"),
        {"practice": practice.public_id, "reason": "Strange <b>things</b>."},
    )

    assert "Strange &lt;b&gt;things&lt;/b&gt;." in text(client.get(reverse("home")))
    client.force_login(bob)
    assert "Signing has stopped" not in text(client.get(reverse("home")))


@pytest.mark.parametrize(
    "wrong",
    [
        {"reason": ""},
        {"reason": "x" * 201},
        {"fixed_in": "next"},
        {"fixed_in": "1" * 41},
        {"practice": "x"},
        {"practice": "00000000-0000-0000-0000-000000000001"},
    ],
    ids=["no reason", "long", "no version", "long version"] + ["no id", "no practice"],
)
def test_what_cannot_be_stopped_is_said_at_the_field(client, steve, wrong):
    client.force_login(steve)

    response = client.post(
        reverse("signing-stop-add"), {"reason": "Broken.", "practice": ""} | wrong
    )

    assert response.status_code == 422
    assert not SigningStop.objects.exists()


def test_a_designee_cannot_name_another_practice(client, alice, bob):
    client.force_login(alice)
    elsewhere = bob.memberships.get().practice

    response = client.post(
        reverse("signing-stop-add"),
        {"practice": elsewhere.public_id, "reason": "Out of spite."},
    )

    assert response.status_code == 422
    assert not SigningStop.objects.exists()


@pytest.mark.cfr("1311.102(i)")
def test_two_people_let_signing_go_on(client, steve, alice):
    stop = stops.stop(by=steve, practice=None, reason="Broken.")
    page, restore = (
        reverse(name, args=[stop.public_id])
        for name in ["signing-stop", "signing-restore"]
    )
    client.force_login(steve)
    assert client.post(page, {"remedy": ""}).status_code == 422
    assert client.post(page, {"remedy": "Version 9 is in."}).url == page
    assert "You entered it. A second person executes it." in text(client.get(page))
    assert client.post(restore, {"password": PASSWORD}).status_code == 422

    client.force_login(alice)
    assert "Version 9 is in." in text(client.get(restore))
    assert client.post(
        restore, {"password": "wrong", "code": "000000"}
    ).status_code == (422)
    assert SigningStop.objects.get().restored_at is None
    assert client.post(restore, proof(alice)).url == STATUS

    assert SigningStop.objects.get().restored_by == alice
    assert Event.objects.filter(act=Act.SIGNING_RESTORED).count() == 1
    assert "Signing goes on already." in text(client.get(restore))
    assert client.post(page, {"remedy": "Again."}).status_code == 422


def test_who_is_no_registrant_finds_no_form_to_restore(client, steve, practice):
    agent = make_user("agnes")
    agent.memberships.create(practice=practice, role="agent")
    Designee.objects.create(user=agent, practice=practice)
    stop = stops.stop(by=steve, practice=practice, reason="Broken.")
    stops.request_restoration(stop, by=steve, remedy="Mended.")
    client.force_login(agent)

    response = client.get(reverse("signing-restore", args=[stop.public_id]))

    assert "Only a designee who is a DEA registrant" in text(response)
    assert 'name="password"' not in text(response)


@pytest.mark.cfr("1311.300(a)")
def test_a_report_is_entered_by_one_and_confirmed_by_another(client, steve):
    client.force_login(steve)
    response = client.post(reverse("certification-add"), report())
    entered = ThirdPartyAudit.objects.get()
    page = reverse("certification-detail", args=[entered.public_id])
    assert response.url == page
    assert 'value="confirm"' not in text(client.get(page))
    assert client.post(page, {"act": "confirm"}).status_code == 422

    client.force_login(make_user("sue", is_staff=True))
    assert "The information of 1306.05(a)" in text(client.get(page))
    assert client.post(page, {"act": "confirm"}).url == page

    assert certification.current_report() == entered
    assert "Covers this version" in text(client.get(page))
    assert client.post(page, {"act": "confirm"}).status_code == 422
    assert client.post(page, {"act": "delete"}).status_code == 400
    assert client.post(page).status_code == 400


@pytest.mark.parametrize(
    "wrong",
    [
        {"auditor": ""},
        {"qualification": "cousin"},
        {"reported_on": "yesterday"},
        {"reported_on": "9999-12-31"},
        {"software_version": "all of them"},
        {"finding": ""},
        {"capabilities": ["everything"]},
        {"capabilities": ["content"]},
        {"report_digest": "0" * 63},
        {"report_digest": "0" * 64 + "\n0"},
        {"report_digest": "Z" * 64},
        {"report_location": ""},
    ],
    ids=lambda wrong: "-".join(next(iter(wrong.items()))[0].split("_")),
)
def test_a_report_with_a_mistake_is_said_at_the_field(client, steve, wrong):
    client.force_login(steve)

    response = client.post(reverse("certification-add"), report(**wrong))

    assert response.status_code == 422
    assert not ThirdPartyAudit.objects.exists()


@pytest.mark.cfr("1311.300")
@pytest.mark.cfr("1311.300(a)")
def test_an_adverse_report_says_whom_to_tell_by_when(client, steve, alice):
    client.force_login(steve)
    client.post(
        reverse("certification-add"), report(finding="adverse", capabilities=[])
    )
    adverse = ThirdPartyAudit.objects.get(finding=Finding.ADVERSE)
    page = reverse("certification-detail", args=[adverse.public_id])

    assert "DEA to be told by" in text(client.get(page))
    assert client.post(page, {"act": "dea"}).url == page
    assert client.post(page, {"act": "dea"}).status_code == 422
    assert client.post(page, {"act": "registrants"}).url == page
    assert "must not be used" in text(client.get(STATUS))
    adverse.refresh_from_db()
    assert adverse.told_dea_at
    assert adverse.told_registrants_at


def test_what_was_not_told_in_time_is_overdue(client, steve):
    certification.enter(
        instance(finding="adverse", capabilities=[Capability.CONTENT]), by=steve
    )
    client.force_login(steve)
    assert "Overdue" not in text(client.get(STATUS))

    later = timezone.now() + timedelta(days=20)
    with time_machine.travel(later):
        client.force_login(steve)
        page = plain(client.get(STATUS))

    assert "Overdue: DEA and the registrants had to be told" in page


def test_nobody_is_told_to_be_ready_while_signing_has_stopped(client, alice):
    client.force_login(alice)
    assert "You are ready to sign" in text(client.get(reverse("home")))

    stops.stop(by=alice, practice=None, reason="Broken.")

    assert "You are ready to sign" not in text(client.get(reverse("home")))
