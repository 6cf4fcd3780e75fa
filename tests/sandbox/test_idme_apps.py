"""What the portal was allowed is taken back: it learns and asks nothing more."""

import base64
import json

import pytest

from tests.sandbox.test_idme_account import answer_push, link_on, phone_of
from tests.sandbox.visitor import PortalFlow, allow, refusal

SECURITY = "/account/security/"
REMOVE = "/account/apps/remove/"


@pytest.fixture
def member(newcomer):
    """A newcomer whose identity is verified, signed in with all three steps."""
    pretended = {"document": "passport", "understood": "on"}
    newcomer.post("/account/verify-identity/", pretended)
    return newcomer


@pytest.fixture
def flow(idme):
    return PortalFlow(idme.origin)


@pytest.fixture
def tokens(member, flow):
    return flow.redeem(allow(member, flow)["code"]).json()


def refresh(flow, tokens):
    return flow.token(
        {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    )


def test_who_has_allowed_nothing_sees_no_app(member):
    assert "No application has access" in member.get(SECURITY).text
    assert member.get(REMOVE).status_code == 404


def test_looking_at_the_question_removes_nothing(member, flow, tokens):
    assert "Remove access of EPCS Portal?" in member.get(REMOVE).text
    assert "Reads your verified identity" in member.get(SECURITY).text
    assert refresh(flow, tokens).status_code == 200


def test_removing_ends_every_token(member, flow, tokens):
    page = member.post(REMOVE)

    assert "EPCS Portal no longer has access" in page.text
    assert "No application has access" in page.text
    assert refusal(refresh(flow, tokens)) == (400, "invalid_grant")
    assert flow.userinfo(tokens["access_token"]).status_code == 401


def test_a_code_that_was_under_way_is_worth_nothing(member, flow):
    code = allow(member, flow)["code"]

    member.post(REMOVE)

    assert refusal(flow.redeem(code)) == (400, "invalid_grant")


def test_the_next_sign_in_asks_for_consent_again(idme, member, tokens):
    member.post(REMOVE)
    again = PortalFlow(idme.origin)

    page = member.follow(member.get(again.path, allow_redirects=False))

    assert "verified identity and your MFA devices" in page.text
    assert again.redeem(allow(member, again)["code"]).status_code == 200


def test_it_takes_the_three_steps(idme, newcomer):
    newcomer.web.cookies.clear()

    assert "Step 1 of 3" in newcomer.get(REMOVE).text


def test_a_question_on_the_phone_is_over(member, tokens, ask, poll):
    set_up_push(member)
    subject = claims_of(tokens["id_token"])["sub"]
    started = ask(login_hint=subject, device=None)
    assert started.status_code == 200

    member.post(REMOVE)

    assert refusal(poll(started)) == (400, "access_denied")
    assert refusal(ask(login_hint=subject, device=None)) == (403, "access_denied")


def set_up_push(member):
    phone = phone_of(member)
    page = member.post("/account/security/set-up/push/", {"channel": "text"})
    member.post(link_on(member, phone))
    answer_push(member, phone, "yes")
    member.post(page.url, {"name": "OfficePush"})


def claims_of(token):
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
