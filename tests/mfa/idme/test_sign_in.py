import time

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from audit.acts import Act, Outcome
from audit.models import Event
from mfa.idme import link
from mfa.models import IdmeAccount
from mfa.oidc.responses import SignIn, Tokens, Userinfo
from tests.factories import make_idme_account, make_user
from tests.mfa.idme.provider import MISSING, listed
from tests.threads import at_once


def acts():
    """Return what happened after the portal's own sign-in."""
    events = Event.objects.exclude(act=Act.SIGN_IN_SUCCEEDED).order_by("sequence")
    return list(events.values_list("act", flat=True))


@pytest.mark.cfr("1311.105(a)(1)")
@pytest.mark.cfr("1311.105(b)")
def test_a_first_sign_in_links_the_account(
    client, sign_in, idme, nora, mailoutbox, django_capture_on_commit_callbacks
):
    idme.devices = [listed()]
    session_before = client.session.session_key

    with django_capture_on_commit_callbacks(execute=True):
        response = sign_in()

    assert response.url == reverse("erx-info")
    account = IdmeAccount.objects.get(user=nora)
    assert (account.subject, account.email) == (idme.subject, "riley@demo.example")
    assert (account.first_name, account.last_name) == ("Riley", "Ready")
    assert account.is_identity_proofed
    assert account.devices_refreshed_at is not None
    assert client.session.session_key != session_before
    assert client.session["idme_authenticated_at"] == pytest.approx(time.time(), abs=5)
    assert acts() == [Act.IDME_LINKED, Act.DEVICE_ADDED, Act.FEED_APPLIED]
    assert [mail.subject for mail in mailoutbox] == ["Your ID.me account was linked"]


def test_what_is_asked_of_idme(sign_in, idme, settings):
    sign_in()

    asked = idme.challenges[0]
    assert asked["prompt"] == "login"
    assert asked["max_age"] == "0"
    assert asked["response_type"] == "code"
    assert asked["scope"] == settings.IDME_SCOPES
    assert asked["nonce"] != asked["state"]


def test_metadata_changes_nothing_of_what_is_asked(sign_in, idme, settings):
    idme.metadata.update(
        code_challenge_method=None, scope="openid", response_type="token"
    )

    sign_in()

    asked = idme.challenges[0]
    assert asked["code_challenge_method"] == "S256"
    assert asked["scope"] == settings.IDME_SCOPES
    assert asked["response_type"] == "code"


def test_the_answer_is_led_to_the_portal_whatever_the_host_header(client, nora, idme):
    client.force_login(nora)

    idme.authorize(client.get(reverse("idme-start"), headers={"host": "localhost"}).url)

    expected = "http://testserver" + reverse("idme-callback")
    assert idme.challenges[0]["redirect_uri"] == expected


@pytest.mark.parametrize("changes", [{"state": "garbage"}, {"state": None}])
def test_a_stray_callback_does_not_end_a_sign_in_under_way(client, nora, idme, changes):
    client.force_login(nora)
    answer = idme.authorize(client.get(reverse("idme-start")).url)
    stray = {k: v for k, v in (answer | changes).items() if v is not None}

    assert client.get(reverse("idme-callback"), stray).status_code == 400
    assert client.get(reverse("idme-callback"), answer).status_code == 302


def test_linking_without_a_sign_in_time_says_that_it_is_not_fresh(
    sign_in, idme, client
):
    idme.id_token["auth_time"] = MISSING

    response = sign_in()

    (message, *_) = get_messages(response.wsgi_request)
    assert "does not count as a fresh sign-in" in str(message)
    assert "idme_authenticated_at" not in client.session


@pytest.mark.parametrize(
    "path",
    [
        "//evil.test",
        "https://evil.test/",
        "https:evil.test",
        "\\\\evil.test",
        "/\\evil.test",
        "javascript:alert(1)",
        "/%0d\r\nSet-Cookie: a=b",
        "http://testserver.evil.test/",
        "/" + "a" * 5_000,
        "settings/",
    ],
)
def test_coming_back_leads_to_this_site_only(sign_in, path):
    assert sign_in(next_path=path).url == reverse("erx-info")


def test_nothing_of_the_conversation_stays_in_the_session(client, sign_in, idme):
    sign_in()

    kept = {key for key in dict(client.session) if not key.startswith("_auth_user")}
    assert kept == {"idme_authenticated_at", "_messages", "signed_in_at"}
    assert "refresh-1" not in str(dict(client.session))


def test_the_refresh_token_is_sealed_and_bound_to_its_row(sign_in, nora, bob):
    sign_in()

    account = IdmeAccount.objects.get(user=nora)
    assert "refresh-1" not in account.sealed_refresh_token
    assert link.usable_refresh_token(account) == "refresh-1"
    other = IdmeAccount.objects.get(user=bob)
    other.sealed_refresh_token = account.sealed_refresh_token
    other.refresh_token_expires_at = account.refresh_token_expires_at
    assert link.usable_refresh_token(other) == ""


def test_a_second_sign_in_confirms_the_link(
    sign_in, idme, nora, django_capture_on_commit_callbacks
):
    sign_in()
    linked = IdmeAccount.objects.get()
    idme.userinfo["credential_ial"] = 3

    with django_capture_on_commit_callbacks() as notices:
        response = sign_in(purpose="fresh", next_path="/devices/add/")

    assert response.url == "/devices/add/"
    confirmed = IdmeAccount.objects.get()
    assert confirmed.identity_assurance == 3
    assert confirmed.authenticated_at > linked.authenticated_at
    assert confirmed.linked_at == linked.linked_at
    assert acts() == [Act.IDME_LINKED, Act.IDME_SIGNED_IN]
    assert notices == []


@pytest.mark.cfr("1311.105(a)(1)")
def test_a_link_is_not_kept_at_a_level_that_idme_no_longer_vouches_for(
    sign_in, idme, nora
):
    sign_in()
    idme.userinfo["credential_ial"] = 1

    assert sign_in().status_code == 403
    assert not IdmeAccount.objects.get().is_identity_proofed


@pytest.mark.cfr("1311.105(a)")
def test_the_same_account_cannot_belong_to_two_users(sign_in, idme, bob, nora):
    IdmeAccount.objects.filter(user=bob).update(subject=idme.subject)

    response = sign_in()

    assert response.status_code == 403
    assert b"is linked to another user" in response.content
    assert b"bob" not in response.content
    assert not IdmeAccount.objects.filter(user=nora).exists()
    assert acts() == [Act.IDME_LINK_REFUSED]


def test_a_user_cannot_have_two_accounts(sign_in, idme, nora, client):
    make_idme_account(nora, subject="the-first-one")

    response = sign_in()

    assert response.status_code == 403
    assert b"linked to another ID.me account" in response.content
    assert IdmeAccount.objects.get(user=nora).subject == "the-first-one"
    assert "idme_authenticated_at" not in client.session
    event = Event.objects.get(act=Act.IDME_LINK_REFUSED)
    assert (event.outcome, event.detail["reason"]) == (
        Outcome.FAILURE,
        "another_account",
    )


@pytest.mark.cfr("1311.105(b)")
@pytest.mark.parametrize("same", ["email", "fname"])
def test_mail_and_names_link_nobody(sign_in, idme, bob, same):
    idme.userinfo[same] = getattr(bob, {"fname": "first_name"}.get(same, same))

    sign_in()

    assert IdmeAccount.objects.get(user=bob).subject != idme.subject


@pytest.mark.parametrize("form", ["signed", "json"])
def test_identity_may_come_unencrypted(sign_in, idme, form):
    idme.userinfo_as = form

    assert sign_in().status_code == 302
    assert IdmeAccount.objects.exists()


@pytest.mark.parametrize("form", ["signed", "json"])
def test_devices_may_not(sign_in, idme, nora, form):
    idme.userinfo_as = form
    idme.devices = [listed()]

    assert sign_in().status_code == 302
    assert not nora.mfa_devices.exists()
    assert acts()[-1] == Act.FEED_FAILED


def test_a_provider_without_userinfo_is_enough_for_identity(sign_in, idme):
    idme.metadata["userinfo_endpoint"] = MISSING
    idme.id_token.update(credential_ial=2, credential_aal=2)

    assert sign_in().status_code == 302


def test_a_provider_that_takes_the_secret_in_the_body_only(sign_in, idme):
    idme.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post"]

    # The fake wants Basic, so that getting there by post is told apart.
    assert sign_in().status_code == 400
    sent = next(c.request for c in idme.mock.calls if c.request.method == "POST")
    assert "client_secret=portal-secret" in sent.body


@pytest.mark.both_databases
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_users_linking_one_account_at_once_link_it_once(idme):
    users = [make_user(f"racer{number}") for number in range(6)]
    sign_in = make_sign_in(idme.subject)

    results = at_once(
        lambda number: link.complete(users[number], sign_in=sign_in, may_link=True),
        times=6,
    )

    refused = [r for r in results if isinstance(r, link.LinkRefused)]
    assert len(refused) == 5, results
    assert {refusal.reason for refusal in refused} == {"linked_to_another_user"}
    assert IdmeAccount.objects.count() == 1


@pytest.mark.both_databases
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_one_user_coming_back_in_two_tabs_is_linked_once(idme):
    nora = make_user("nora")
    sign_in = make_sign_in(idme.subject)

    results = at_once(
        lambda _: link.complete(nora, sign_in=sign_in, may_link=True), times=4
    )

    assert sorted(is_new for _, is_new in results) == [False, False, False, True]
    assert acts().count(Act.IDME_LINKED) == 1


def make_sign_in(subject):
    claims = {"sub": subject, "credential_ial": 2, "credential_aal": 2}
    return SignIn(
        subject=subject,
        auth_time=time.time(),
        userinfo=Userinfo(claims, is_sealed=True),
        tokens=Tokens(access_token="", refresh_token="refresh-1"),
        purpose="link",
        next_path="",
        started_at=time.time(),
    )
