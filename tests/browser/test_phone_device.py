"""A phone becomes a device and answers, in two browsers that share nothing."""

import re
import shutil

import pytest
from playwright.sync_api import expect

from tests.browser import phone as authenticator

FAST = "const now = Date.now; Date.now = () => now() + 3_600_000"  # an hour
WAITING = re.compile("Answer on “WrenPush”")


@pytest.fixture
def phone(browser, demo):
    """Another browser, narrow, signed in nowhere, whose clock is an hour fast."""
    context = browser.new_context(
        base_url=demo.portal,
        viewport={"width": 375, "height": 812},
        color_scheme="dark",
    )
    context.set_default_timeout(15_000)
    context.add_init_script(FAST)
    page = context.new_page()
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert context.cookies() == []
    context.close()
    assert not complaints


@pytest.fixture
def secret(demo):
    return demo.account("west")["devices"][0]["secret"]


def sign_in(page, demo):
    page.goto("/sign-in/")
    page.get_by_label("Username").fill("wren.west")
    page.get_by_label("Password").fill(demo.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()


def show_qr_code(page, demo, secret):
    """Sign in to ID.me afresh and confirm with the device that is there."""
    page.goto("/devices/add/")
    page.get_by_role("link", name="Phone page of this portal").click()
    page.get_by_role("link", name="Sign in to ID.me").click()
    page.get_by_label("E-mail").fill("wren.west@demo.example")
    page.get_by_label("Password").fill(demo.password)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("WrenPhone").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Code").fill(authenticator.code(secret))
    page.get_by_role("button", name="Continue").click()
    heading = page.get_by_role("heading", name="Scan the QR code")
    # The demonstration has used the codes of its first minute itself.
    for _ in range(3):
        page.get_by_label("Your portal password").fill(demo.password)
        page.locator("input[name=code]").fill(authenticator.next_code(secret))
        page.get_by_role("button", name="Show the QR code").click()
        expect(
            heading.or_(page.get_by_role("main").get_by_role("alert"))
        ).to_be_visible()
        if heading.is_visible():
            break
    expect(heading).to_be_visible()


def address_of(page, screenshot):
    address = page.locator("[data-pairing-address]").inner_text()
    picture = screenshot(page, "qr-code")
    if shutil.which("zbarimg"):
        assert authenticator.scan(picture) == address
    return address


def pair(page, phone, screenshot):
    phone.goto(address_of(page, screenshot))
    screenshot(phone, "phone-asks")
    phone.get_by_role("button", name="Pair this phone").click()
    shown = phone.get_by_label("Number to enter in the portal")
    expect(shown).to_have_text(re.compile(r"\d{6}"))
    assert "#" not in phone.url
    screenshot(phone, "phone-shows-a-number")
    expect(page.get_by_role("heading", name="Enter the number")).to_be_visible()
    screenshot(page, "number-asked")
    page.get_by_label("Number on the phone").fill(shown.inner_text())
    page.get_by_label("Nickname").fill("WrenPush")
    page.get_by_role("button", name="Add this phone").click()
    expect(page.get_by_text("The phone was added.")).to_be_visible()
    expect(phone.get_by_text("Paired as WrenPush")).to_be_visible()
    expect(phone.get_by_text("Nothing waits for you.")).to_be_visible()


def page_of_device(page, act):
    """Open a page of the new device from its row in the list."""
    page.goto("/settings/erx-info/")
    renaming = page.get_by_role("link", name="Rename WrenPush").get_attribute("href")
    page.goto(renaming.replace("rename", act))


def ask_phone(page, demo, button):
    page.get_by_label("Your portal password").fill(demo.password)
    page.get_by_role("button", name=button).click()
    expect(page.get_by_role("heading", name=WAITING)).to_be_visible()
    return page.get_by_label("Number to enter on the phone").inner_text()


def approve(phone, number):
    phone.get_by_label("Number shown in the portal").fill(number)
    phone.get_by_role("button", name="Approve").click()


@pytest.mark.slow
def test_a_phone_is_paired_approves_and_declines(page, demo, phone, secret, screenshot):
    sign_in(page, demo)
    show_qr_code(page, demo, secret)
    pair(page, phone, screenshot)

    page_of_device(page, "primary")
    number = ask_phone(page, demo, "Select as the Primary Device")
    asked = phone.get_by_text("Select “WrenPush” as the primary device")
    expect(asked).to_be_visible()
    screenshot(page, "waiting")
    screenshot(phone, "phone-is-asked")
    approve(phone, f"{(int(number) + 1) % 100:02}")
    expect(phone.get_by_text("That is not the number")).to_be_visible()
    screenshot(phone, "phone-wrong-number")
    approve(phone, number)
    expect(phone.get_by_text("Approved.")).to_be_visible()
    expect(page.get_by_text("“WrenPush” is your primary device now")).to_be_visible()

    page_of_device(page, "remove")
    page.get_by_label("WrenPush").last.check()
    page.locator("input[name=new_primary]").first.check()
    ask_phone(page, demo, "Remove this device")
    phone.get_by_role("button", name="Decline").click()
    expect(phone.get_by_text("Declined.")).to_be_visible()
    expect(page.get_by_text("The request was declined on “WrenPush”")).to_be_visible()

    phone.reload()
    expect(phone.get_by_text("Paired as WrenPush")).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth") == 375
    phone.get_by_text("Unpair this phone").click()
    screenshot(phone, "phone-unpairing")
    phone.get_by_role("button", name="Forget the key").click()
    expect(phone.get_by_text("This phone is not paired.")).to_be_visible()
    phone.reload()
    expect(phone.get_by_text("This phone is not paired.")).to_be_visible()
    screenshot(phone, "phone-not-paired")


@pytest.mark.slow
def test_a_key_cannot_be_taken_out_of_the_browser(phone):
    phone.goto("/phone/")

    refused = phone.evaluate(
        """async () => {
          const page = document.querySelector("[data-phone]");
          const keys = await import(page.dataset.keyModule);
          const { key } = await keys.make();
          return crypto.subtle.exportKey("jwk", key).then(() => "", (e) => e.name);
        }"""
    )

    assert refused == "InvalidAccessError"


@pytest.mark.slow
def test_a_used_link_and_a_wrong_address_are_explained(phone, screenshot):
    phone.goto(f"/phone/#pair={'A' * 43}")
    phone.get_by_role("button", name="Pair this phone").click()

    expect(phone.get_by_text("Start again in the portal.")).to_be_visible()
    phone.reload()
    phone.get_by_label("No camera?").fill("https://portal.example/phone/")
    phone.get_by_role("button", name="Continue").click()
    expect(phone.get_by_text("That is not a pairing address.")).to_be_visible()


LACKING = {
    "isSecureContext": "Open the portal by its https address",
    "indexedDB": "This browser keeps no keys.",
}


@pytest.mark.slow
@pytest.mark.parametrize("lacking", sorted(LACKING))
def test_a_browser_that_keeps_no_keys_is_told_what_to_do(phone, lacking):
    phone.add_init_script(
        f"Object.defineProperty(window, '{lacking}', {{value: false}})"
    )
    phone.goto("/phone/")

    expect(phone.get_by_text(LACKING[lacking])).to_be_visible()


@pytest.mark.slow
def test_without_javascript_the_page_says_what_it_needs(browser, demo):
    context = browser.new_context(base_url=demo.portal, java_script_enabled=False)
    page = context.new_page()
    page.goto("/phone/")

    expect(page.get_by_text("needs JavaScript")).to_be_visible()
    context.close()
