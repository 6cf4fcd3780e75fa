"""Signing in to the portal by way of ID.me, between real processes."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import phone

PHONE = {"width": 375, "height": 800}
SIGN_IN_WITH_IDME = "Sign in with ID.me"


@pytest.fixture
def sign_in_at_idme(page, demo):
    """Be Riley at ID.me: e-mail and password, a method, a code."""
    riley = demo.account("ready")
    generator = next(d for d in riley["devices"] if d["type"] == "code_generator")

    def sign_in_at_idme():
        page.get_by_label("E-mail").fill(riley["email"])
        page.get_by_label("Password").fill(demo.password)
        page.get_by_role("button", name="Continue").click()
        page.get_by_label(generator["name"]).check()
        page.get_by_role("button", name="Continue").click()
        page.get_by_label("code").fill(phone.next_code(generator["secret"]))
        page.get_by_role("button", name="Continue").click()

    return sign_in_at_idme


def test_riley_signs_in_with_idme(page, demo, sign_in_at_idme, screenshot):
    page.goto("/sign-in/")
    screenshot(page, "sign-in")

    page.get_by_role("link", name=SIGN_IN_WITH_IDME).click()
    expect(page).to_have_url(re.compile(f"^{demo.idme}/signin/"))
    sign_in_at_idme()

    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    expect(page).to_have_url(f"{demo.portal}/")
    screenshot(page, "welcome")
    page.goto("/settings/activity/")
    expect(page.get_by_text("Authenticated at ID.me").first).to_be_visible()
    page.goto("/idme/unlink/")
    expect(page.get_by_label("Your portal password")).to_be_visible()
    screenshot(page, "still-asked-for-both-factors")


@pytest.mark.slow
def test_an_answer_nobody_asked_for_is_explained(page, screenshot):
    refused = page.goto("/idme/callback/?error=access_denied&state=guess")

    assert refused.status == 400
    expect(page.get_by_role("alert")).to_contain_text("10 minutes. Start again.")
    screenshot(page, "refused")
    page.get_by_role("link", name="Back to sign-in").click()
    expect(page.get_by_role("link", name=SIGN_IN_WITH_IDME)).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_ways_in_fit_a_phone(page, scheme, screenshot):
    page.set_viewport_size(PHONE)
    page.emulate_media(color_scheme=scheme)
    for path in ["/sign-in/?next=/patients/", "/idme/callback/"]:
        page.goto(path)

        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        screenshot(page, f"phone-{scheme}")
