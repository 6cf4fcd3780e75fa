"""Signing in with ID.me: for the linked account alone, and for a session alone."""

import time

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.acts import Act
from audit.models import Event
from mfa.idme import link
from mfa.oidc.responses import SignIn, Tokens, Userinfo
from tests.factories import make_idme_account, make_user
from tests.mfa.idme.provider import MISSING, listed
from tests.portal.sign_in.test_sign_in import sign_in as sign_in_by_password

pytestmark = pytest.mark.django_db
START, CALLBACK = reverse("idme-start"), reverse("idme-callback")


@pytest.fixture
def riley(idme):
    """Somebody whose ID.me account is linked, and who is not signed in."""
    user = make_user("riley")
    make_idme_account(user, subject=idme.subject)
    return user


@pytest.fixture
def come_in(client, idme):
    """Go to ID.me from the sign-in page and come back; a test changes what comes back."""

    def come_in(*, next_path="", **changes):
        started = client.get(START, {"purpose": "sign_in", "next": next_path})
        assert started.status_code == 302, started.content
        answer = idme.authorize(started.url) | changes
        return client.get(CALLBACK, {k: v for k, v in answer.items() if v is not None})

    return come_in


def is_in(client):
    return "_auth_user_id" in client.session


def test_the_sign_in_page_offers_it_and_keeps_the_way(client):
    page = client.get(reverse("sign-in"), {"next": "/patients/"}).content.decode()

    assert f"{START}?purpose=sign_in&amp;next=/patients/" in page


def test_the_linked_account_opens_a_session(client, come_in, idme, riley):
    idme.devices = [listed(name="OfficeiPad")]
    client.get(START, {"purpose": "sign_in"})
    before = client.session.session_key

    response = come_in()

    assert response.url == reverse("home")
    assert client.session["_auth_user_id"] == str(riley.pk)
    assert client.session.session_key != before
    assert client.session["idme_authenticated_at"] == pytest.approx(time.time(), abs=5)
    acts = list(Event.objects.order_by("sequence").values_list("act", flat=True))
    assert acts[:2] == [Act.IDME_SIGNED_IN, Act.SIGN_IN_SUCCEEDED]
    assert riley.mfa_devices.get().name == "OfficeiPad"


def test_it_goes_where_the_person_wanted(come_in, riley):
    assert come_in(next_path="/patients/").url == "/patients/"


@pytest.mark.parametrize("wanted", ["//evil.test/", "https://evil.test/", "\\\\evil"])
def test_and_nowhere_else(come_in, riley, wanted):
    assert come_in(next_path=wanted).url == reverse("home")


@pytest.mark.parametrize("who", ["nobody", "inactive", "unlinked", "same e-mail"])
def test_anybody_else_stays_outside_and_reads_the_same(client, come_in, idme, who):
    if who == "same e-mail":
        make_user("riley", email="riley@demo.example")
    elif who != "nobody":
        user = make_user("riley", is_active=who != "inactive")
        account = make_idme_account(user, subject=idme.subject)
        if who == "unlinked":
            account.unlinked_at = account.linked_at
            account.save()

    response = come_in()

    assert response.status_code == 403
    assert b"No account of this portal is linked" in response.content
    assert not is_in(client)
    event = Event.objects.get(act=Act.IDME_SIGN_IN_FAILED)
    assert (event.stream, event.detail["reason"]) == ("anonymous", "nobody_linked")


@pytest.mark.parametrize("auth_time", [MISSING, 3600], ids=["missing", "old"])
def test_an_old_sign_in_at_idme_opens_nothing(client, come_in, idme, riley, auth_time):
    idme.id_token = {"auth_time": auth_time}

    response = come_in()

    assert response.status_code == 400
    assert b"did not say that you signed in just now" in response.content
    assert not is_in(client)


def test_a_level_that_is_too_low_opens_nothing(client, come_in, idme, riley):
    idme.userinfo = {"credential_aal": 1}

    assert come_in().status_code == 403
    assert not is_in(client)


@pytest.mark.parametrize(
    "changes",
    [{"state": "guess"}, {"state": None}, {"code": None, "error": "access_denied"}],
)
def test_an_answer_that_was_not_asked_for_opens_nothing(
    client, come_in, riley, changes
):
    assert come_in(**changes).status_code == 400
    assert not is_in(client)


def test_an_answer_works_once(client, idme, riley):
    started = client.get(START, {"purpose": "sign_in"})
    answer = idme.authorize(started.url)
    client.get(CALLBACK, answer)
    client.logout()

    assert client.get(CALLBACK, answer).status_code == 400
    assert not is_in(client)


def test_an_answer_in_another_browser_opens_nothing(client, idme, riley):
    answer = idme.authorize(client.get(START, {"purpose": "sign_in"}).url)
    other = Client()

    assert other.get(CALLBACK, answer).status_code == 400
    assert not is_in(other)


@pytest.mark.parametrize("purpose", ["link", "fresh", "step_up", "x"])
def test_every_other_purpose_needs_somebody_signed_in(client, idme, purpose):
    response = client.get(START, {"purpose": purpose})

    assert response.url.startswith(reverse("sign-in"))
    assert idme.calls == []


def test_who_is_signed_in_already_goes_home(client, idme, alice):
    client.force_login(alice)

    assert client.get(START, {"purpose": "sign_in"}).url == reverse("home")


def test_a_sign_in_begun_before_another_person_came_is_not_theirs(
    client, idme, riley, alice
):
    answer = idme.authorize(client.get(START, {"purpose": "sign_in"}).url)
    client.force_login(alice)

    response = client.get(CALLBACK, answer)

    assert response.status_code == 400
    assert client.session["_auth_user_id"] == str(alice.pk)


def test_guesses_at_the_password_do_not_keep_the_owner_out(client, come_in, riley):
    for _ in range(6):
        sign_in_by_password(client, username="riley", password="guess")
    assert sign_in_by_password(client, username="riley").status_code == 429

    assert come_in().url == reverse("home")


@pytest.mark.cfr("1311.115(a)")
def test_it_is_no_factor(client, come_in, riley):
    come_in()

    page = client.get(reverse("idme-unlink")).content.decode()

    assert "Your portal password" in page


@pytest.mark.parametrize("purpose", ["sign_in", "fresh"])
def test_only_who_came_to_link_links(idme, riley, purpose):
    """Else a sign-in in flight would bring back what its owner has just unlinked."""
    riley.idme_accounts.update(unlinked_at=timezone.now())
    identity = Userinfo({"credential_ial": 2, "credential_aal": 2}, is_sealed=True)
    sign_in = SignIn(
        subject=idme.subject,
        auth_time=time.time(),
        userinfo=identity,
        tokens=Tokens(access_token="a"),
        purpose=purpose,
        next_path="",
        started_at=time.time(),
    )

    with pytest.raises(link.LinkRefused):
        link.complete(riley, sign_in=sign_in, may_link=False)

    assert not riley.idme_accounts.linked().exists()


def test_a_fresh_sign_in_of_somebody_who_never_linked_links_nothing(
    client, idme, nora, sign_in
):
    assert sign_in(purpose="fresh").status_code == 403
    assert not nora.idme_accounts.exists()
