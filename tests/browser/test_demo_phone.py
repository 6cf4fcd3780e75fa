"""The stand-in's phone page, in a browser that refreshes it while somebody types."""

import json

import pytest
import requests
from playwright.sync_api import expect

from tests import processes
from tests.sandbox import people

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def idme(tmp_path_factory):
    folder = tmp_path_factory.mktemp("idme")
    world = folder / "world.json"
    world.write_text(json.dumps(people.WORLD))
    server = processes.start_idme(
        folder, world=world, client_jwks_uri="http://127.0.0.1:9/", redirect_uris=[]
    )
    yield server
    server.stop()


@pytest.fixture
def phone(browser, idme):
    """Riley's phone, as narrow as one."""
    page = browser.new_page(viewport={"width": 375, "height": 800})
    page.set_default_timeout(15_000)
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{idme.origin}/phone/ready/")
    yield page
    page.close()
    assert not complaints


def ask(idme, message, *, number="47", expires_in=120):
    asked = {
        "scope": "openid",
        "login_hint": people.RILEY,
        "binding_message": message,
        "requested_expiry": str(expires_in),
        "match_number": number,
    }
    answer = requests.post(
        f"{idme.origin}/oauth/backchannel",
        asked,
        auth=("portal", "portal-secret"),
        timeout=10,
    )
    return answer.json()["auth_req_id"]


def poll(idme, request_id):
    data = {
        "grant_type": "urn:openid:params:grant-type:ciba",
        "auth_req_id": request_id,
    }
    return requests.post(
        f"{idme.origin}/oauth/token",
        data,
        auth=("portal", "portal-secret"),
        timeout=10,
    )


def test_what_is_typed_stays_while_requests_come_and_go(idme, phone, screenshot):
    first = ask(idme, "R.R.: oxycodone 5 mg tablet, quantity 30")
    card = phone.get_by_role("listitem").filter(has_text="oxycodone")
    field = card.get_by_label("Number shown in the portal")
    field.press_sequentially("4")

    ask(idme, "A later request", expires_in=3)
    later = phone.get_by_text("A later request")
    expect(later).to_be_visible()
    expect(field).to_be_focused()
    phone.keyboard.type("7")
    expect(field).to_have_value("47")
    screenshot(phone, "approval")
    expect(later).to_have_count(0)
    expect(field).to_be_focused()
    phone.keyboard.press("Enter")

    expect(phone.get_by_text("Approved.")).to_be_visible()
    expect(phone.get_by_text("Nothing is waiting")).to_be_visible()
    assert "id_token" in poll(idme, first).json()


def test_declining_takes_no_number(idme, phone):
    request_id = ask(idme, "R.R.: alprazolam 0.5 mg tablet, quantity 30")
    card = phone.get_by_role("listitem").filter(has_text="alprazolam")

    card.get_by_role("button", name="It wasn't me").click()

    expect(phone.get_by_text("it wasn't you")).to_be_visible()
    assert poll(idme, request_id).json()["decline_reason"] == "not_me"


def test_a_wrong_number_is_said_and_nothing_scrolls_sideways(idme, phone):
    ask(idme, "W" * 200)
    field = phone.get_by_label("Number shown in the portal")
    field.fill("99")
    phone.get_by_role("button", name="Approve").click()

    expect(phone.get_by_text("one more try")).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth") == 375
    phone.get_by_role("button", name="Decline").click()
    expect(phone.get_by_text("Declined.")).to_be_visible()
