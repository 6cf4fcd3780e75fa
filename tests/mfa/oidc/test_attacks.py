"""The OIDC attack table: what an attacker, a provider or a network can send, row by row.

Every row ends the same way: a plain page with the reason, nobody linked, nothing left in
the session, one failure in the record, and no request to anywhere but ID.me.
"""

import pytest
from django.urls import reverse

from audit.acts import Outcome
from audit.models import Event
from mfa.models import IdmeAccount
from mfa.oidc import backchannel, tokens
from mfa.oidc.errors import IdmeError
from tests.mfa.oidc.attacks.callbacks import CALLBACK
from tests.mfa.oidc.attacks.honest import HONEST
from tests.mfa.oidc.attacks.id_tokens import FRESH, ID_TOKEN, PUSH, SIGN_IN
from tests.mfa.oidc.attacks.means import Visit
from tests.mfa.oidc.attacks.providers import BROKEN, METADATA
from tests.mfa.oidc.attacks.rows import parameters
from tests.mfa.oidc.attacks.userinfo import LEVELS, USERINFO

TABLE = [
    *ID_TOKEN,
    *SIGN_IN,
    *USERINFO,
    *LEVELS,
    *METADATA,
    *CALLBACK,
    *FRESH,
    *BROKEN,
]


@pytest.mark.cfr("1311.105(b)")
@pytest.mark.parametrize("row", parameters(TABLE))
def test_an_attack_links_nobody(row, client, idme, nora, mallory):
    client.force_login(nora)

    response = row.attack(Visit(client, idme, others=[nora, mallory]))

    assert not IdmeAccount.objects.exists(), row.proves
    assert "idme_authenticated_at" not in client.session, row.proves
    if isinstance(row.ends, int):
        assert response.status_code == row.ends, row.proves
    else:
        assert_refused(response, row)
    if not row.leaves_others:
        assert not [key for key in dict(client.session) if key.startswith("_state")]
    assert idme.was_asked_alone()
    assert idme.count("/oidc/.well-known/jwks") <= 2, "keys are not fetched each time"


@pytest.mark.cfr("1311.115(a)")
@pytest.mark.parametrize("row", parameters([*ID_TOKEN, *PUSH]))
def test_an_attack_approves_nothing(row, idme):
    class Push(Visit):
        def whole(self):
            return backchannel.poll("request-1", subject=idme.subject)

    idme.has_phones = True
    with pytest.raises(IdmeError) as refusal:
        row.attack(Push(client=None, idme=idme))

    assert refusal.value.reason == row.ends, row.proves
    assert idme.was_asked_alone()


@pytest.mark.parametrize("row", parameters(HONEST))
def test_what_is_honest_links(row, client, idme, nora):
    client.force_login(nora)

    response = row.attack(Visit(client, idme))

    assert response.status_code == row.ends, row.proves
    assert response.url == reverse("erx-info")
    assert IdmeAccount.objects.get().user == nora
    assert not [key for key in dict(client.session) if key.startswith("_state")]


def assert_refused(response, row):
    assert response.context["error"].reason == row.ends, row.proves
    assert response.status_code in (400, 403, 503)
    assert b"surprise" not in response.content
    came_back = response.wsgi_request.path == reverse("idme-callback")
    failures = Event.objects.filter(outcome=Outcome.FAILURE).order_by("-sequence")
    assert [event.detail["reason"] for event in failures[:1]] == [row.ends] * came_back


def test_a_token_is_not_taken_without_a_nonce_to_compare():
    with pytest.raises(IdmeError):
        tokens.check_id_token({}, {"nonce": ""}, nonce="", access_token="x")


def test_each_row_has_a_name_of_its_own_and_says_what_it_proves():
    every = [*TABLE, *PUSH, *HONEST]

    assert len({row.id for row in every}) == len(every)
    assert all(row.proves.endswith(".") for row in every)
