"""Every step of the article that the product implements, over HTTP between processes."""

import re
import time

import pyotp
import pytest
import requests

from tests.journey.surfer import Surfer, fresh_code

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def riley(demo):
    """Riley at the portal: identity verified, approved, two code generators."""
    surfer = Surfer()
    surfer.open(f"{demo.portal}/sign-in/")
    surfer.submit("Sign in", username="riley.ready", password=demo.password)
    return surfer


@pytest.fixture(scope="module")
def at_idme(demo, riley):
    """The same browser after steps 1 to 3: inside Sign In & Security."""
    riley.open(f"{demo.portal}/settings/erx-info/")
    riley.follow("Update MFA Device")
    riley.submit("Continue", email="riley.ready@demo.example", password=demo.password)
    riley.submit("Continue", device=riley.choice("device", "OfficeiPad"))
    _enter_a_code(riley, _secret(demo, "OfficeiPad"))
    return riley


def _secret(demo, name):
    devices = demo.account("ready")["devices"]
    return next(device["secret"] for device in devices if device["name"] == name)


def _enter_a_code(surfer, secret):
    """Try the codes that ID.me accepts: another test may have used one of them."""
    now = int(time.time()) // 30
    for step in (now - 1, now, now + 1):
        surfer.submit("Continue", code=pyotp.TOTP(secret).generate_otp(step))
        if "Enter your code" not in surfer.text:
            return
    raise AssertionError(surfer.text)


def _open_erx_info(demo, surfer):
    surfer.open(f"{demo.portal}/")
    surfer.follow("Provider Settings")
    return surfer.follow("eRx Info")


def test_erx_info_shows_which_option_is_set_up(demo, riley):
    page = _open_erx_info(demo, riley).text

    assert "Verified with ID.me" in page
    assert "Approved" in page
    assert "Code generator" in page
    assert page.count("Primary device") >= 1


def test_step_1_update_mfa_device_leads_to_idme(demo, riley):
    _open_erx_info(demo, riley).follow("Update MFA Device")

    assert riley.url.startswith(demo.idme)


def test_steps_2_and_3_sign_in_and_security_asks_in_three_steps(demo):
    stranger = Surfer().open(f"{demo.idme}/account/security/")

    assert "Step 1 of 3" in stranger.text
    assert "Sign In & Security asks you" in stranger.text


def test_steps_2_and_3_end_inside_sign_in_and_security(at_idme):
    assert "Sign In & Security" in at_idme.text
    assert "Your devices" in at_idme.text


def _set_up(surfer, demo, channel, name):
    surfer.open(f"{demo.idme}/account/security/")
    surfer.follow("Set Up Code Generator")
    surfer.submit("Continue", channel=channel)
    if channel == "qr":
        secret = surfer.page.xpath('//*[@id="secret-key"]')[0].text_content()
        code = pyotp.TOTP(secret.replace(" ", "")).now()
    else:
        code = _code_after_the_link(surfer, demo)
    return surfer.submit("Continue", code=code, name=name)


def _code_after_the_link(surfer, demo):
    phone = Surfer().open(f"{demo.idme}/phone/ready/")
    before = set(_codes(demo))
    phone.follow("Open the link").submit("Add to this phone")
    return next(code for name, code in _codes(demo).items() if name not in before)


def _codes(demo):
    shown = requests.get(f"{demo.idme}/phone/ready/codes.json", timeout=10).json()
    return {entry["name"]: entry["code"] for entry in shown["codes"]}


@pytest.mark.parametrize("channel", ["qr", "text", "email"])
def test_step_5_a_code_generator_is_set_up_by(channel, demo, at_idme):
    _set_up(at_idme, demo, channel, f"New by {channel}")

    at_idme.open(f"{demo.idme}/account/security/")
    assert f"New by {channel}" in at_idme.text


def test_step_4_the_trash_can_deletes_and_the_portal_knows(demo, at_idme):
    _set_up(at_idme, demo, "qr", "OldPhone")
    _open_erx_info(demo, at_idme).submit("Refresh the list")
    assert "OldPhone" in at_idme.text

    at_idme.open(f"{demo.idme}/account/security/").follow("Remove OldPhone")
    at_idme.submit("Remove device")
    _open_erx_info(demo, at_idme).submit("Refresh the list")

    assert "1 device removed" in at_idme.text
    names = at_idme.page.xpath('//td[@data-label="Nickname"]')
    assert not [one for one in names if "OldPhone" in one.text_content()]


def test_step_6_select_as_the_primary_device(demo, riley):
    secret = _secret(demo, "OfficeiPad")
    _open_erx_info(demo, riley)
    row = riley.page.xpath('//tr[td[contains(., "OfficeiPad")]]//a')
    link = next(one for one in row if "Select as the Primary" in one.text_content())
    riley.open(demo.portal + link.get("href"))

    used = {pyotp.TOTP(secret).now()}
    while "used already" in riley.text or "is your primary" not in riley.text:
        assert len(used) < 4, riley.text
        code = fresh_code(secret, used=used)
        used.add(code)  # the demonstration's data may have taken it before
        riley.submit("Select as the Primary Device", password=demo.password, code=code)

    assert "“OfficeiPad” is your primary device now" in riley.text


def test_note_with_several_devices_signing_asks_which_one_by_nickname(demo, riley):
    riley.open(f"{demo.portal}/prescriptions/").follow("Avery Sample")
    riley.follow("Review and sign")
    riley.submit("Ready to sign")

    nicknames = " ".join(riley.choices("device"))
    assert "MyiPhone" in nicknames
    assert re.search(r"OfficeiPad \(primary device\)", nicknames)


def test_note_the_codes_of_devices_differ_and_the_page_says_whose_it_was(demo, riley):
    riley.open(f"{demo.portal}/prescriptions/").follow("Avery Sample")
    riley.follow("Review and sign")

    riley.submit(
        "Sign & Send Prescription",
        password=demo.password,
        device=riley.choice("device", "OfficeiPad"),
        code=fresh_code(_secret(demo, "MyiPhone")),
    )

    assert riley.status == 422
    assert "That is the code of “MyiPhone”" in riley.text


@pytest.mark.cfr("1311.140(a)")
def test_a_prescription_is_sent_with_the_device_that_was_chosen(demo, riley):
    secret = _secret(demo, "OfficeiPad")
    used = {pyotp.TOTP(secret).now()}
    riley.open(f"{demo.portal}/prescriptions/").follow("Avery Sample")
    riley.follow("Review and sign")

    riley.submit(
        "Sign & Send Prescription",
        password=demo.password,
        device=riley.choice("device", "OfficeiPad"),
        code=fresh_code(secret, used=used),
    )

    assert "Signed. It is on its way" in riley.text
    assert _is_accepted(riley)


def _is_accepted(surfer):
    deadline = time.monotonic() + 20
    while "Accepted by the pharmacy" not in surfer.text:
        assert time.monotonic() < deadline, surfer.text
        time.sleep(0.5)
        surfer.open(surfer.url)
    return True
