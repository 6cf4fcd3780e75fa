"""What two designees do in their own browsers so that somebody may sign."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from playwright.sync_api import expect

from tests.browser import phone

PRACTICE = ZoneInfo("America/New_York")  # whose day it is
REGISTERED_FOR = timedelta(days=2 * 365)  # in the demonstration, from its first start


def sign_in(page, demo, username):
    page.goto("/sign-in/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(demo.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()


def in_a_browser_of_their_own(browser, demo, username):
    """Return a tab of somebody who has signed in."""
    context = browser.new_context(base_url=demo.portal)
    context.set_default_timeout(30_000)
    page = context.new_page()
    sign_in(page, demo, username)
    return page


def give_the_right_to_sign(browser, demo, screenshot, *, to: str):
    """Alex, who administers, enters it; Riley, a registrant, executes it."""
    alex = in_a_browser_of_their_own(browser, demo, "alex.admin")
    alex.get_by_role("link", name="Access").click()
    alex.get_by_role("link", name=f"Enter a grant for {to}").click()
    until = (datetime.now(PRACTICE) + REGISTERED_FOR).date().isoformat()
    alex.get_by_label("registration validation on the web").check()
    alex.get_by_label("Until when is it valid").fill(until)
    alex.get_by_label("license look-up").check()
    alex.get_by_label("Until when is the license valid").fill(until)
    alex.get_by_label("All of it is current and in good standing").check()
    screenshot(alex, "first-designee-enters")
    alex.get_by_role("button", name="Enter").click()
    expect(alex.get_by_text("Waits for a second person").first).to_be_visible()
    alex.context.close()

    riley = in_a_browser_of_their_own(browser, demo, "riley.ready")
    riley.get_by_role("link", name="Access").click()
    riley.get_by_role("link", name="Review Give the right to sign").first.click()
    secret = demo.account("ready")["devices"][0]["secret"]
    riley.get_by_role("radio", name="MyiPhone").check()
    riley.get_by_label("Your portal password").fill(demo.password)
    riley.locator("input[name=code]").fill(phone.next_code(secret))
    screenshot(riley, "second-designee-reviews")
    riley.get_by_role("button", name="Execute").click()
    expect(riley.get_by_text("Executed").first).to_be_visible()
    screenshot(riley, "executed")
    riley.context.close()
