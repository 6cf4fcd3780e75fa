import re
import time
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
import requests

from tests.sandbox import people
from tests.sandbox.visitor import Visitor, secret_key_on

SECURITY = "/account/security/"
RETURN_TO = "http://localhost:8999/settings/erx-info/"


def phone_of(visitor):
    page = visitor.get("/phone/")
    return urlsplit(page.url).path


def codes_on(visitor, phone):
    found = visitor.get(f"{phone}codes.json").json()["codes"]
    return {entry["name"]: entry for entry in found}


def link_on(visitor, phone):
    return re.search(r'<a href="([^"]+)">Open the link', visitor.get(phone).text)[1]


def set_up_by_qr(visitor, name):
    page = visitor.post("/account/security/set-up/code-generator/", {"channel": "qr"})
    secret = secret_key_on(page)
    return page, secret, {"code": pyotp.TOTP(secret).now(), "name": name}


def answer_push(visitor, phone, answer):
    page = visitor.get(phone).text
    action = re.search(r'action="([^"]+/push/[^"]+)"', page)[1]
    token = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    visitor.web.post(
        visitor.origin + action,
        data={"answer": answer, "csrfmiddlewaretoken": token},
        timeout=10,
    )


def test_every_page_says_that_this_is_not_idme(idme):
    for path in ("/", "/signin/", "/signup/", "/phone/", "/phone/ready/"):
        page = requests.get(idme.origin + path, timeout=10)
        assert "Demonstration stand-in, not ID.me" in page.text, path


def test_security_asks_for_three_steps(riley):
    assert "Step 1 of 3" in riley.get(SECURITY).text
    assert "Step 2 of 3" in riley.give_password(SECURITY).text
    assert "Step 3 of 3" in riley.choose_method("OfficeiPad").text

    page = riley.enter_code(people.OFFICE_IPAD)

    assert "Your devices" in page.text
    assert "MyiPhone" in page.text
    assert "OfficeiPad" in page.text


def test_being_signed_in_is_not_enough_for_security(newcomer):
    plain = Visitor(newcomer.origin, newcomer.email)
    plain.sign_in("/signin/", secret=newcomer.secret)

    assert "My Account" in plain.get("/").text
    assert "Step 1 of 3" in plain.get(SECURITY).text


def test_a_wrong_password_or_code_leads_nowhere(riley):
    page = riley.post("/signin/", {"email": riley.email, "password": "guess"})
    assert "The e-mail or the password is wrong." in page.text

    riley.give_password(SECURITY)
    riley.choose_method("MyiPhone")
    page = riley.post("/signin/verify/", {"code": "000000"})

    assert "This code is wrong or was used" in page.text
    assert "Step 1 of 3" in riley.get(SECURITY).text


def test_a_code_signs_in_only_once(newcomer):
    first, second = (Visitor(newcomer.origin, newcomer.email) for _ in range(2))
    first.give_password("/signin/")
    first.choose_method("MyiPhone")
    second.give_password("/signin/")
    second.choose_method("MyiPhone")
    # The step after this one: the code of this one confirmed the set-up.
    code = pyotp.TOTP(newcomer.secret).at(int(time.time()) + 30)

    answers = [
        visitor.post("/signin/verify/", {"code": code}, allow_redirects=False)
        for visitor in (first, second)
    ]

    assert [answer.status_code for answer in answers] == [302, 200]


def test_a_new_account_secures_itself_by_qr_code(nora):
    page, secret, form = set_up_by_qr(nora, "MyiPhone")

    assert "<svg" in page.text
    uri = re.search(r'id="otpauth-uri"[^>]*>([^<]+)<', page.text)[1]
    query = parse_qs(urlsplit(uri.replace("&amp;", "&")).query)
    assert query == {"secret": [secret], "issuer": ["ID.me stand-in"]}
    groups = re.search(r'id="secret-key">([^<]+)<', page.text)[1]
    assert all(len(group) == 4 for group in groups.split())

    done = nora.post(page.url, form)

    assert "MyiPhone is set up." in done.text
    assert "My Account" in nora.get("/").text
    assert "MyiPhone" in nora.get(SECURITY).text


def test_a_wrong_code_sets_nothing_up(nora):
    page, _, form = set_up_by_qr(nora, "MyiPhone")

    refused = nora.post(page.url, form | {"code": "000000"})

    assert "This code is wrong" in refused.text
    assert "Step 1 of 3" in nora.get(SECURITY).text


@pytest.mark.parametrize("channel", ["text", "email"])
def test_a_code_generator_is_set_up_by_a_link(newcomer, channel):
    phone = phone_of(newcomer)
    page = newcomer.post(
        "/account/security/set-up/code-generator/", {"channel": channel}
    )
    assert "secret-key" not in page.text
    assert "Code Generator" not in codes_on(newcomer, phone)

    newcomer.post(link_on(newcomer, phone))
    code = codes_on(newcomer, phone)["Code Generator"]["code"]
    done = newcomer.post(page.url, {"code": code, "name": "OfficeiPad"})

    assert "OfficeiPad is set up." in done.text
    assert "OfficeiPad" in codes_on(newcomer, phone)


def test_push_is_set_up_and_signs_in(newcomer):
    phone = phone_of(newcomer)
    page = newcomer.post("/account/security/set-up/push/", {"channel": "text"})
    assert "Answer Yes on your phone first" in newcomer.post(page.url).text
    newcomer.post(link_on(newcomer, phone))
    answer_push(newcomer, phone, "yes")
    assert (
        "OfficePush is set up." in newcomer.post(page.url, {"name": "OfficePush"}).text
    )

    visitor = Visitor(newcomer.origin, newcomer.email)
    visitor.give_password(SECURITY)
    waiting = visitor.choose_method("OfficePush")
    assert "Answer Yes there" in waiting.text
    answer_push(newcomer, phone, "yes")
    assert "Your devices" in visitor.post("/signin/verify/").text


def test_answering_no_signs_nobody_in(newcomer):
    phone = phone_of(newcomer)
    page = newcomer.post("/account/security/set-up/push/", {"channel": "text"})
    newcomer.post(link_on(newcomer, phone))
    answer_push(newcomer, phone, "yes")
    newcomer.post(page.url, {"name": "OfficePush"})
    visitor = Visitor(newcomer.origin, newcomer.email)
    visitor.give_password(SECURITY)
    visitor.choose_method("OfficePush")

    answer_push(newcomer, phone, "no")

    assert "The answer was No" in visitor.get("/signin/verify/").text
    assert "Step 1 of 3" in visitor.get(SECURITY).text


def test_a_text_message_is_a_method_too(newcomer):
    phone = phone_of(newcomer)
    page = newcomer.post("/account/security/set-up/text/", {"phone_number": "555 0100"})
    code = re.search(r"your code is (\d{6})", newcomer.get(phone).text)[1]
    assert (
        "OldFlip is set up."
        in newcomer.post(page.url, {"code": code, "name": "OldFlip"}).text
    )


def test_the_trash_can_removes_a_device_but_never_the_last(newcomer):
    page, _, form = set_up_by_qr(newcomer, "OfficeiPad")
    newcomer.post(page.url, form)
    first, second = re.findall(r'href="([^"]+/remove/)"', newcomer.get(SECURITY).text)

    question = newcomer.get(first)
    assert "Remove MyiPhone?" in question.text
    assert "MyiPhone" in newcomer.get(SECURITY).text
    assert "MyiPhone was removed." in newcomer.post(first).text
    assert "at least one must stay" in newcomer.post(second).text
    assert "OfficeiPad" in newcomer.get(SECURITY).text


def test_nobody_removes_anothers_device(newcomer, riley):
    device = people.WORLD["idme"]["accounts"][0]["devices"][0]["id"]

    answer = newcomer.get(f"/account/security/devices/{device}/remove/")

    assert answer.status_code == 404


def test_the_way_back_leads_to_the_portal_only(newcomer):
    assert "Back to EPCS Portal" not in newcomer.get("/").text
    stranger = "http://localhost:8999.evil.example/"
    assert "Back to" not in newcomer.get("/", params={"return_to": stranger}).text

    page = newcomer.get(SECURITY, params={"return_to": RETURN_TO})

    assert f'href="{RETURN_TO}">Back to EPCS Portal' in page.text
    assert "Back to EPCS Portal" in newcomer.get(SECURITY).text


def test_the_phone_shows_the_code_of_every_generator(riley):
    for reference in ("ready", people.RILEY):
        codes = codes_on(riley, f"/phone/{reference}/")
        for name, secret in (
            ("MyiPhone", people.MY_IPHONE),
            ("OfficeiPad", people.OFFICE_IPAD),
        ):
            assert pyotp.TOTP(secret).verify(codes[name]["code"], valid_window=1)
            assert 0 < codes[name]["seconds_left"] <= 30


def test_the_phone_takes_a_key_or_an_address(newcomer):
    phone = phone_of(newcomer)
    secret = pyotp.random_base32()
    uri = pyotp.TOTP(secret).provisioning_uri(name="riley", issuer_name="EPCS Portal")
    typed = pyotp.random_base32().lower()

    newcomer.post(phone, {"key": uri})
    newcomer.post(phone, {"key": " ".join([typed[:4], typed[4:]]), "name": "Spare"})
    refused = newcomer.post(phone, {"key": "not a key"})

    codes = codes_on(newcomer, phone)
    assert pyotp.TOTP(secret).verify(
        codes["EPCS Portal: riley"]["code"], valid_window=1
    )
    assert pyotp.TOTP(typed).verify(codes["Spare"]["code"], valid_window=1)
    assert "neither a secret key nor an otpauth" in refused.text


def test_an_unknown_phone_is_not_found(idme):
    assert requests.get(f"{idme.origin}/phone/nobody/", timeout=10).status_code == 404
