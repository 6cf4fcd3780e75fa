"""The recovery code: one, made with the first method, good for once."""

import re

import pytest

from tests.sandbox.test_idme_account import SECURITY, set_up_by_qr
from tests.sandbox.test_idme_apps import claims_of
from tests.sandbox.visitor import PortalFlow, Visitor, allow

RECOVER = "/signin/recover/"


def code_on(page):
    found = re.search(r'id="recovery-code">([A-Z2-9-]+)<', page.text)
    return found and found[1]


@pytest.fixture
def first(nora):
    """The page after the first method was set up."""
    page, _, form = set_up_by_qr(nora, "MyiPhone")
    return nora.post(page.url, form)


def lost_phone(visitor, path=SECURITY):
    """The same person at another browser, after the password."""
    other = Visitor(visitor.origin, visitor.email)
    other.give_password(path)
    return other


def test_it_is_shown_once_when_the_first_method_is_set_up(nora, first):
    assert re.fullmatch("([A-Z2-9]{4}-){3}[A-Z2-9]{4}", code_on(first))
    assert "MyiPhone is set up." in first.text
    assert code_on(nora.get(first.url)) is None

    page, _, form = set_up_by_qr(nora, "OfficeiPad")
    assert code_on(nora.post(page.url, form)) is None


def test_it_lets_in_once_and_is_replaced(nora, first):
    old = code_on(first)
    visitor = lost_phone(nora)
    assert RECOVER in visitor.get("/signin/method/").text

    page = visitor.post(RECOVER, {"code": old})

    new = code_on(page)
    assert new
    assert new != old
    assert "Your devices" in visitor.get(SECURITY).text
    again = lost_phone(nora)
    assert "or it was used" in again.post(RECOVER, {"code": old}).text
    assert "Step 1 of 3" in again.get(SECURITY).text
    assert code_on(again.post(RECOVER, {"code": f" {new.lower()} "}))


@pytest.mark.parametrize("code", ["", "0", "AAAA-AAAA-AAAA-AAAA"])
def test_another_code_leads_nowhere(nora, first, code):
    visitor = lost_phone(nora)

    assert "Use your recovery code" in visitor.post(RECOVER, {"code": code}).text
    assert "Step 1 of 3" in visitor.get(SECURITY).text


def test_a_code_without_the_password_leads_nowhere(idme, first):
    stranger = Visitor(idme.origin, "nobody@demo.example")

    assert "Step 1 of 3" in stranger.get(RECOVER).text


def test_who_has_none_is_offered_none(riley):
    page = riley.give_password(SECURITY)

    assert "recovery code" not in page.text
    assert code_on(riley.post(RECOVER, {"code": ""})) is None


def test_the_lost_device_is_replaced(nora, first):
    visitor = lost_phone(nora)
    visitor.post(RECOVER, {"code": code_on(first)})

    page, _, form = set_up_by_qr(visitor, "NewPhone")
    visitor.post(page.url, form)
    devices = visitor.get(SECURITY).text
    lost = re.search(r'href="([^"]+)" aria-label="Remove MyiPhone"', devices)

    assert "MyiPhone was removed." in visitor.post(lost[1]).text


def test_the_portal_is_told_of_no_device(idme, newcomer):
    """What came in this way confirms nothing there: no device, no second method."""
    newcomer.post(
        "/account/verify-identity/", {"document": "passport", "understood": "on"}
    )
    visitor = lost_phone(newcomer, "/signin/")
    visitor.post(RECOVER, {"code": newcomer.recovery_code})
    flow = PortalFlow(idme.origin)

    tokens = flow.redeem(allow(visitor, flow)["code"]).json()

    claims = claims_of(tokens["id_token"])
    assert claims["amr"] == ["pwd"]
    assert "mfa_device" not in claims
