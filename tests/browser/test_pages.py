import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
import requests
from playwright.sync_api import expect

from tests.sandbox.messages import make_new_rx

PAGES_OF_A_PROVIDER = [
    "/",
    "/settings/",
    "/settings/erx-info/",
    "/settings/activity/",
    "/prescriptions/",
    "/patients/",
]


@pytest.fixture
def riley(page, demo):
    """The tab of Riley Ready, signed in to the portal."""
    page.goto("/sign-in/")
    page.get_by_label("Username").fill("riley.ready")
    page.get_by_label("Password").fill(demo.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page).not_to_have_url(f"{demo.portal}/sign-in/")
    return page


def test_pages_of_a_provider_open_without_a_complaint(riley, screenshot):
    for path in PAGES_OF_A_PROVIDER:
        response = riley.goto(path)

        assert response.status == 200, path
        expect(riley.get_by_role("heading", level=1)).to_be_visible()
        screenshot(riley, path.strip("/").replace("/", "-") or "home")


@pytest.mark.slow
def test_pages_of_the_stand_ins_open_without_a_complaint(page, demo, screenshot):
    for name, address in {
        "idme": demo.idme,
        "phone": f"{demo.idme}/phone/",
        "pharmacy": demo.pharmacy,
    }.items():
        response = page.goto(address)

        assert response.status == 200, address
        screenshot(page, name)


def test_no_page_loads_anything_from_elsewhere(riley, demo):
    asked = []
    riley.on("request", lambda request: asked.append(request.url))

    for path in PAGES_OF_A_PROVIDER:
        riley.goto(path)

    assert asked
    assert [url for url in asked if not url.startswith(demo.portal)] == []


@pytest.mark.slow
def test_a_narrow_window_needs_no_sideways_scrolling(riley):
    riley.set_viewport_size({"width": 375, "height": 800})

    for path in PAGES_OF_A_PROVIDER:
        riley.goto(path)
        width = riley.evaluate("document.documentElement.scrollWidth")
        assert width <= 375, path


@pytest.mark.slow
def test_no_tab_is_out_of_sight_on_a_phone(riley):
    riley.set_viewport_size({"width": 390, "height": 800})
    riley.goto("/prescriptions/")

    for tab in riley.locator(".tabs a").all():
        box = tab.bounding_box()
        assert box["x"] + box["width"] <= 390, tab.inner_text()


@pytest.mark.slow
def test_the_pharmacys_messages_are_read_on_a_phone(page, demo):
    token = demo.portal_environment()["SCRIPT_NETWORK_TOKEN"]
    sent = requests.post(
        f"{demo.pharmacy}/script",
        data=make_new_rx(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/xml"},
        timeout=20,
    )
    assert sent.ok
    page.set_viewport_size({"width": 390, "height": 800})

    page.goto(demo.pharmacy)
    message = page.locator("td a").first
    box = message.bounding_box()
    assert box["x"] + box["width"] <= 390
    message.click()

    expect(page.get_by_role("button", name="Ask for a generic instead")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.slow
def test_a_session_that_ends_says_so_and_lets_its_owner_stay(riley, demo, screenshot):
    riley.clock.install()
    riley.goto("/settings/")

    soon = riley.get_by_text("You will be signed out within two minutes")
    _let_sessions_end_in(demo, seconds=60)
    riley.clock.fast_forward("28:05")
    expect(soon.first).to_be_visible()
    screenshot(riley, "soon")

    riley.get_by_role("button", name="Stay signed in").click()

    expect(soon.first).not_to_be_visible()
    _let_sessions_end_in(demo, seconds=-1)
    riley.clock.fast_forward("28:05")
    expect(riley.get_by_text("You are signed out.")).to_be_visible()
    screenshot(riley, "ended")
    riley.get_by_role("link", name="sign in again").click()
    expect(riley).to_have_url(f"{demo.portal}/sign-in/")


def _let_sessions_end_in(demo, *, seconds: int) -> None:
    ends = datetime.now(tz=UTC).replace(tzinfo=None) + timedelta(seconds=seconds)
    with closing(sqlite3.connect(demo.folder / "portal.sqlite3")) as portal, portal:
        portal.execute("UPDATE django_session SET expire_date = ?", [str(ends)])
