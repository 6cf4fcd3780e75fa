"""What the provider publishes: fetched when it is needed, and not more often."""

import pytest
import requests
from django.urls import reverse

from mfa.models import IdmeAccount
from mfa.oidc import discovery
from mfa.oidc.client import client as idme_client
from mfa.oidc.errors import IdmeUnavailable
from tests.mfa.idme.provider import BASE, rsa_key

METADATA = "/oidc/.well-known/openid-configuration"
KEYS = "/oidc/.well-known/jwks"


@pytest.fixture
def clock(monkeypatch):
    """A clock of discovery alone, which goes on when a test says so."""

    class Clock:
        now = 1_000_000.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(discovery, "time", clock)
    return clock


def test_keys_are_kept_and_metadata_asked_for_before_a_departure(
    sign_in, idme, monkeypatch
):
    """Nobody is sent to a site that is down, as long as that can be known."""
    monkeypatch.setattr("mfa.oidc.client.DEPARTURE_LIFE", 0)
    for _ in range(3):
        assert sign_in().status_code == 302

    assert (idme.count(METADATA), idme.count(KEYS)) == (3, 1)


def test_both_documents_are_fetched_once_for_sign_ins_close_together(sign_in, idme):
    for _ in range(3):
        assert sign_in().status_code == 302

    assert (idme.count(METADATA), idme.count(KEYS)) == (1, 1)


def test_a_rotated_key_is_found_at_the_first_token_that_names_it(sign_in, idme):
    assert sign_in().status_code == 302
    idme.signer = rsa_key("k2")
    idme.published.append(rsa_key("k2"))

    assert sign_in().status_code == 302
    assert idme.count(KEYS) == 2


@pytest.mark.slow
def test_unknown_key_ids_fetch_the_keys_once_a_minute(sign_in, idme, clock):
    idme.header["kid"] = "unknown"

    for _ in range(100):
        assert sign_in().status_code == 400
    assert idme.count(KEYS) == 2

    clock.now += discovery.KEYS_APART + 1
    sign_in()
    assert idme.count(KEYS) == 3


def test_a_withdrawn_key_is_forgotten_in_time(sign_in, idme, clock):
    assert sign_in().status_code == 302
    idme.published = [rsa_key("k2")]
    clock.now += discovery.KEYS_LIFE + 1

    assert sign_in().status_code == 400


def test_old_keys_are_not_used_when_new_ones_cannot_be_had(sign_in, idme, clock):
    assert sign_in().status_code == 302
    idme.mock.replace("GET", BASE + KEYS, body=requests.ConnectionError("refused"))
    clock.now += discovery.KEYS_LIFE + 1

    assert sign_in().status_code == 503


def test_metadata_of_another_issuer_never_replaces_what_is_good(sign_in, idme, clock):
    assert sign_in().status_code == 302
    good = idme_client().load_server_metadata()
    idme.metadata.update(
        issuer="https://evil.test/oidc", token_endpoint="https://evil.test/token"
    )
    clock.now += discovery.METADATA_LIFE + 1

    assert sign_in().status_code == 503
    idme.metadata.clear()
    clock.now += discovery.FAILURE_LIFE + 1
    assert sign_in().status_code == 302
    assert idme_client().load_server_metadata() == good
    assert idme.was_asked_alone()


def test_a_silent_provider_is_waited_for_once_in_a_while(
    client, nora, idme, clock, monkeypatch
):
    waited = []

    def silence(request):
        waited.append(request.url)
        raise requests.ConnectTimeout("10 s")

    idme.mock.remove("GET", BASE + METADATA)
    idme.mock.add_callback("GET", BASE + METADATA, callback=silence)
    client.force_login(nora)

    for _ in range(20):
        assert client.get(reverse("idme-start")).status_code == 503
    assert len(waited) == 1

    clock.now += discovery.FAILURE_LIFE + 1
    client.get(reverse("idme-start"))
    assert len(waited) == 2


def test_a_provider_that_comes_back_is_found(sign_in, idme, clock):
    idme.metadata["issuer"] = "https://evil.test/oidc"
    assert sign_in().status_code == 503
    idme.metadata.clear()

    clock.now += discovery.FAILURE_LIFE + 1

    assert sign_in().status_code == 302
    assert IdmeAccount.objects.exists()


def test_an_issuer_may_end_in_a_slash(settings):
    settings.IDME_ISSUER = "https://tenant.example/"

    expected = "https://tenant.example/.well-known/openid-configuration"
    assert discovery.metadata_url() == expected


@pytest.mark.parametrize(
    ("methods", "chosen"),
    [
        (None, "client_secret_basic"),
        (["client_secret_basic", "client_secret_post"], "client_secret_basic"),
        (["client_secret_post"], "client_secret_post"),
        ("client_secret_post", "client_secret_basic"),
    ],
)
def test_a_secret_goes_where_the_provider_takes_it(idme, methods, chosen):
    idme.metadata["token_endpoint_auth_methods_supported"] = methods

    found = idme_client().load_server_metadata()

    assert found["token_endpoint_auth_method"] == chosen


def test_what_a_provider_advertises_for_nobody_is_left_out(idme):
    idme.metadata.update(client_secret="evil", scope="openid", update_token="x")

    assert not {"client_secret", "scope", "update_token"} & set(
        idme_client().load_server_metadata()
    )


def test_keys_of_a_kind_that_nobody_knows_are_passed_over(sign_in, idme):
    honest = rsa_key("k1").as_dict(private=False)
    idme.keys["keys"] = [
        {"kty": "AKP", "kid": "pq", "alg": "ML-DSA-44", "pub": "x"},
        {"kty": "EC", "kid": "odd", "crv": "P-999", "x": "x", "y": "y"},
        "k0",
        honest,
    ]

    assert sign_in().status_code == 302


def test_keys_that_cannot_be_had_are_not_asked_for_each_time(idme, clock):
    idme.keys["keys"] = "none"

    for _ in range(5):
        with pytest.raises(IdmeUnavailable):
            idme_client().keys()

    assert idme.count(KEYS) == 1
