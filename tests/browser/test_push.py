"""A push signs, and everything else that can become of it, between real processes."""

import os
import re
import signal
import sys

import pytest
from playwright.sync_api import expect

from tests.browser import phone as authenticator
from tests.demo import Demo

pytestmark = pytest.mark.slow

POLLED = 40_000  # milliseconds; ID.me is asked every five seconds
WAITING = re.compile("Answer on “RileyPush”")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A demonstration of its own: what happens here would disturb other tests."""
    demo = Demo(tmp_path_factory.mktemp("demo") / "data")
    yield demo.wait_until_ready()
    demo.stop()


@pytest.fixture
def handset(browser, demo):
    """Riley's phone at the stand-in, as narrow as one."""
    page = browser.new_page(
        viewport={"width": 375, "height": 800}, base_url=demo.idme, color_scheme="dark"
    )
    page.set_default_timeout(30_000)
    page.goto("/phone/ready/")
    yield page
    page.close()


@pytest.fixture
def riley(page, demo):
    sign_in(page, demo, "riley.ready")
    return page


def sign_in(page, demo, username):
    page.goto("/sign-in/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(demo.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()


def write(page, search="alpra 0.5", drug="Alprazolam 0.5 mg tablet"):
    """Write a prescription that is ready to sign; of Schedule II, two were a series."""
    page.goto("/patients/")
    page.locator("main table a, main .list a").first.click()
    page.get_by_role("link", name="Write a prescription").first.click()
    page.get_by_label("Name and strength").fill(search)
    page.get_by_role("radio", name=drug).check()
    page.get_by_label("Quantity", exact=True).fill("12")
    page.get_by_label("Directions").fill("Take 1 tablet every 6 hours as needed")
    pharmacy = page.locator("select[name=pharmacy]")
    pharmacy.select_option(index=1)
    page.get_by_role("button", name="Preview Prescription").click()
    page.get_by_role("link", name="Review and sign").click()
    page.get_by_role("button", name="Ready to sign").click()
    expect(page.get_by_role("button", name="Sign & Send Prescription")).to_be_visible()


def ask(page, demo):
    page.get_by_label("Your portal password").fill(demo.password)
    page.get_by_role("radio", name="RileyPush").check()
    page.get_by_role("button", name="Sign & Send Prescription").click()
    expect(page.get_by_role("heading", name=WAITING)).to_be_visible()
    return page.get_by_label("Number to enter on the phone").inner_text()


def decide(handset, button, number=""):
    card = handset.get_by_role("listitem").filter(has_text="asks for your approval")
    expect(card).to_have_count(1)
    if number:
        card.get_by_label("Number shown in the portal").fill(number)
    card.get_by_role("button", name=button).click()


def test_a_push_signs_with_the_number_matched(riley, demo, handset, screenshot):
    write(riley, "oxyco 5", "Oxycodone hydrochloride 5 mg tablet")

    number = ask(riley, demo)
    card = handset.get_by_text(re.compile(r"Oxycodone hydrochloride 5 mg tablet, 12"))
    expect(card).to_be_visible()
    expect(riley.get_by_text("By completing the two-factor")).to_be_visible()
    assert number not in handset.locator("#feed").inner_text().split()
    screenshot(riley, "waiting")
    screenshot(handset, "phone")
    decide(handset, "Approve", number)

    expect(riley.get_by_text("Signed. It is on its way")).to_be_visible(timeout=POLLED)
    screenshot(riley, "signed")


def test_resend_then_a_code_instead(riley, demo, handset, screenshot):
    write(riley)
    ask(riley, demo)
    first = riley.locator("[data-push]").get_attribute("data-push")
    riley.get_by_role("button", name="Send it again").click()
    expect(riley.locator("[data-push]")).not_to_have_attribute("data-push", first)

    riley.get_by_text("Use a code instead").click()
    riley.get_by_role("radio", name="MyiPhone").check()
    screenshot(riley, "code-instead")
    secret = demo.account("ready")["devices"][0]["secret"]
    riley.locator("input[name=code]").fill(authenticator.next_code(secret))
    riley.get_by_role("button", name="Sign & Send Prescription").click()

    expect(riley.get_by_text("Signed. It is on its way")).to_be_visible()


def remove_at_idme(page, demo, name):
    """Take a device off the ID.me account, behind its three steps."""
    page.goto(f"{demo.idme}/account/security/")
    page.get_by_label("E-mail").fill("riley.ready@demo.example")
    page.get_by_label("Password").fill(demo.password)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("OfficeiPad").check()
    page.get_by_role("button", name="Continue").click()
    secret = demo.account("ready")["devices"][1]["secret"]
    page.get_by_label("6-digit code").fill(authenticator.next_code(secret))
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("link", name=f"Remove {name}").click()
    page.get_by_role("button", name="Remove").click()


def test_a_primary_device_removed_at_idme_stops_signing(riley, demo, screenshot):
    write(riley)
    signing = riley.url
    remove_at_idme(riley, demo, "MyiPhone")

    riley.goto("/settings/erx-info/")
    riley.get_by_role("button", name="Refresh the list").click()

    expect(riley.get_by_text("is no longer").first).to_be_visible()
    screenshot(riley, "vanished")
    riley.goto(signing)
    expect(
        riley.get_by_text("“MyiPhone” is no longer your primary device.")
    ).to_be_visible()
    expect(riley.get_by_role("button", name="Sign & Send")).to_have_count(0)
    screenshot(riley, "signing-stopped")


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
def test_with_idme_gone_codes_sign_and_the_rest_says_so(page, demo, screenshot):
    sign_in(page, demo, "wren.west")
    write(page)
    os.kill(demo.child(f"127.0.0.1:{demo.port + 1}"), signal.SIGKILL)

    secret = demo.account("west")["devices"][0]["secret"]
    page.get_by_label("Your portal password").fill(demo.password)
    page.locator("input[name=code]").fill(authenticator.next_code(secret))
    page.get_by_role("button", name="Sign & Send Prescription").click()
    expect(page.get_by_text("Signed. It is on its way")).to_be_visible()

    page.goto("/settings/erx-info/")
    page.get_by_role("button", name="Refresh the list").click()
    expect(page.get_by_text("ID.me cannot be reached").first).to_be_visible()
    screenshot(page, "list-not-refreshed")
    page.goto("/idme/start/")
    expect(page.get_by_role("heading", name="ID.me cannot be reached")).to_be_visible()
    screenshot(page, "idme-gone")
