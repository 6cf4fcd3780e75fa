"""The client against an OpenID Provider that nobody here wrote: npm's oidc-provider.

What it is told is issuer, client id, secret or key, scopes, claim names and levels;
all else comes from discovery.
"""

import pytest
from django.urls import reverse

from mfa.models import Device, IdmeAccount
from mfa.oidc import backchannel

pytestmark = [pytest.mark.usefixtures("portal"), pytest.mark.slow]


def ask(person, **overrides):
    asked = {
        "subject": person.subject,
        "device": "phone-1",
        "message": "R.R. oxycodone hydrochloride 5 mg tablet, 30 tablets",
        "number": "47",
        "expires_in": 120,
    }
    return backchannel.start(**asked | overrides)


@pytest.mark.cfr("1311.105(b)")
def test_a_person_links_their_account(go_to_provider, come_back, person, riley):
    response = come_back(person.agree(go_to_provider()))

    assert response.url == reverse("erx-info")
    account = IdmeAccount.objects.get(user=riley)
    assert account.subject == person.subject
    assert (account.identity_assurance, account.authenticator_assurance) == (2, 2)
    assert (account.first_name, account.last_name) == ("Riley", "Ready")


def test_seeds_of_devices_are_taken_from_encrypted_userinfo_only(
    go_to_provider, come_back, person, riley, method
):
    come_back(person.agree(go_to_provider()))

    names = Device.objects.filter(user=riley).values_list("name", flat=True)
    assert sorted(names) == ([] if method == "post" else ["MyiPhone", "RileyPush"])


def test_who_declines_is_not_linked(go_to_provider, come_back, person):
    response = come_back(person.visit(go_to_provider()))

    assert response.status_code == 400
    assert b"did not confirm who you are" in response.content
    assert not IdmeAccount.objects.exists()


def test_who_is_signed_in_there_has_to_sign_in_again(
    client, go_to_provider, come_back, person
):
    come_back(person.agree(go_to_provider()))

    response = come_back(person.agree(go_to_provider("fresh")))

    assert response.status_code == 302
    assert person.asked_to_interact == 2


def test_an_old_sign_in_is_not_a_fresh_one(go_to_provider, come_back, person):
    come_back(person.agree(go_to_provider()))

    response = come_back(person.agree(go_to_provider("fresh"), signedInAgo=3600))

    assert response.status_code == 400
    assert b"does not count as a fresh" in response.content


def test_a_new_signing_key_is_found_at_once(
    go_to_provider, come_back, person, provider
):
    come_back(person.agree(go_to_provider()))
    provider.admin("rotate")

    response = come_back(person.agree(go_to_provider("fresh")))

    assert response.status_code == 302


def test_a_phone_that_agrees_proves_who_and_when(person, provider):
    started = ask(person)
    assert backchannel.poll(
        started.request_id, subject=person.subject
    ) == backchannel.Answer("pending")
    provider.admin("pushes", amr=["mfa", "swk"])

    answer = backchannel.poll(started.request_id, subject=person.subject)

    assert answer.state == "approved"
    assert answer.claims["sub"] == person.subject
    assert answer.claims["auth_time"] <= answer.claims["iat"]
    again = backchannel.poll(started.request_id, subject=person.subject)
    assert again.state == "pending"


@pytest.mark.parametrize("method", ["basic", "key"], indirect=True)
def test_how_a_phone_agreed_is_asked_for_where_that_is_possible(person, provider):
    started = ask(person)
    provider.admin("pushes", amr=["mfa", "swk"])

    answer = backchannel.poll(started.request_id, subject=person.subject)

    assert answer.claims["amr"] == ["mfa", "swk"]


@pytest.mark.parametrize(
    ("error", "state"), [("access_denied", "denied"), ("expired_token", "expired")]
)
def test_a_phone_that_does_not_agree_approves_nothing(person, provider, error, state):
    started = ask(person)
    provider.admin("pushes", error=error)

    answer = backchannel.poll(started.request_id, subject=person.subject)

    assert answer == backchannel.Answer(state)


def test_the_phone_shows_who_what_how_many_and_the_number(person, provider):
    started = ask(person)

    assert provider.messages()[-1] == "R.R.-oxycodon-30-#47"
    assert started.interval == 5
    assert 0 < started.expires_in <= 120


def test_a_stranger_has_no_phone_to_ask(person):
    with pytest.raises(backchannel.IdmeRefused) as refusal:
        ask(person, subject="nobody")

    assert refusal.value.reason == "unknown_account"
