"""The article, step by step, in a real browser against the running processes."""

import re
import shutil

import pytest
import requests
from playwright.sync_api import expect

from tests.browser import phone
from tests.browser.access import give_the_right_to_sign, sign_in

pytestmark = pytest.mark.skipif(
    not shutil.which("zbarimg"), reason="zbarimg is not installed"
)


def open_erx_info(page):
    page.locator("summary", has_text="Account").click()
    page.get_by_role("link", name="Provider Settings").click()
    page.get_by_role("link", name="eRx Info").click()


def set_up_code_generator_by_qr(page, screenshot, name):
    """Steps 4 and 5 at ID.me; return the secret that the phone scanned."""
    page.get_by_role("link", name="Set Up Code Generator").click()
    page.get_by_label("QR code: scan it with an authenticator app").check()
    page.get_by_role("button", name="Continue").click()
    uri = phone.scan(screenshot(page, "qr-code-at-idme"))
    secret = re.search(r"secret=([A-Z2-7]+)", uri).group(1)
    page.get_by_label("6-digit code").fill(phone.code(secret))
    page.get_by_label("Name your device").fill(name)
    page.get_by_role("button", name="Continue").click()
    return secret


@pytest.mark.slow
def test_from_nothing_to_a_green_check(browser, page, demo, screenshot):
    sign_in(page, demo, "nora.new")
    open_erx_info(page)
    expect(page.get_by_text("Your identity is not verified.")).to_be_visible()
    screenshot(page, "nothing-set-up")

    page.get_by_role("link", name="Verify with ID.me").click()
    page.get_by_label("E-mail").fill("nora.new@demo.example")
    page.get_by_label("Password").fill(demo.password)
    page.get_by_role("button", name="Continue").click()
    secret = set_up_code_generator_by_qr(page, screenshot, "MyiPhone")
    expect(page.locator("#recovery-code")).to_be_visible()
    page.get_by_role("link", name="Continue").click()
    if page.get_by_role("button", name="Allow").is_visible():
        page.get_by_role("button", name="Allow").click()
    expect(page).to_have_url(re.compile("/settings/erx-info/$"))
    expect(page.get_by_text("Verified with ID.me")).to_be_visible()
    expect(page.get_by_role("cell", name="MyiPhone", exact=True)).to_be_visible()
    screenshot(page, "linked")

    page.get_by_role("link", name="Rename MyiPhone").click()
    page.get_by_label("Nickname").fill("Nora’s iPhone")
    page.get_by_role("button", name="Save nickname").click()
    page.get_by_role("link", name="Select as the Primary Device").click()
    page.get_by_label("Your portal password").fill(demo.password)
    page.locator("input[name=code]").fill(phone.next_code(secret))
    page.get_by_role("button", name="Select as the Primary Device").click()
    expect(page.get_by_text("Primary device", exact=True)).to_be_visible()
    screenshot(page, "primary-device")

    page.get_by_role("link", name="Patients").click()
    page.get_by_role("row", name="Fictional").get_by_role(
        "link", name="Write a prescription"
    ).click()
    page.get_by_label("Name and strength").fill("oxyco 5")
    page.get_by_role("radio", name="Oxycodone hydrochloride 5 mg tablet").check()
    page.get_by_label("Quantity", exact=True).fill("12")
    page.get_by_label("Directions").fill("Take 1 tablet every 6 hours for pain.")
    page.get_by_label("Pharmacy", exact=True).select_option(
        label=_option(page, "^Corner")
    )
    page.get_by_role("button", name="Preview Prescription").click()
    page.get_by_role("link", name="Review and sign").click()
    expect(page.get_by_text("You are not approved")).to_be_visible()
    expect(page.locator("input[name=code]")).to_have_count(0)
    screenshot(page, "blocked-with-the-reason")

    give_the_right_to_sign(browser, demo, screenshot, to="Nora New")

    page.reload()
    page.get_by_role("button", name="Ready to sign").click()
    expect(page.get_by_text("By completing the two-factor")).to_be_visible()
    page.get_by_label("Your portal password").fill(demo.password)
    page.locator("input[name=code]").fill("000000")
    page.get_by_role("button", name="Sign & Send Prescription").click()
    expect(page.get_by_text("That is not the current code").first).to_be_visible()
    screenshot(page, "wrong-code")
    page.get_by_label("Your portal password").fill(demo.password)
    page.locator("input[name=code]").fill(phone.next_code(secret))
    page.get_by_role("button", name="Sign & Send Prescription").click()
    expect(
        page.locator(".state.ok", has_text="Accepted by the pharmacy")
    ).to_be_visible()
    screenshot(page, "green-check")

    received = requests.get(f"{demo.pharmacy}/inbox.json", timeout=5).json()["messages"]
    assert any(message["prescriber"].endswith("New") for message in received)
    page.goto(demo.pharmacy)
    expect(page.get_by_role("cell", name="Casey Fictional").first).to_be_visible()
    screenshot(page, "pharmacy-inbox")

    page.goto("/settings/activity/")
    for act in [
        "Prescription signed",
        "Challenge refused",
        "Prescription marked ready to sign",
        "Primary device selected",
        "Device renamed",
        "ID.me account linked",
    ]:
        expect(page.get_by_text(act).first).to_be_visible()
    screenshot(page, "own-log")


def _option(page, pattern):
    labels = page.locator("option").all_inner_texts()
    return next(label for label in labels if re.search(pattern, label))
