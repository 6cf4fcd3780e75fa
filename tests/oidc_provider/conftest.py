import os
import time
import uuid

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from django.urls import reverse

from mfa.oidc import own_keys
from mfa.oidc.client import client as idme_client
from tests.factories import make_user
from tests.keys import write_client_key
from tests.mfa.idme.provider import listed
from tests.oidc_provider.provider import OidcProvider, Person, missing
from tests.processes import START_TIME, free_port

# What a form would send as other characters; RFC 6749 2.3.1.
SECRET = "half: a+b %25 of a longer secret"
IAL2 = "http://idmanagement.gov/ns/assurance/ial/2"
AAL2 = "http://idmanagement.gov/ns/assurance/aal/2"
CLAIMS = ["email", "given_name", "family_name", "ial", "aal", "authenticators"]


@pytest.fixture(scope="session")
def client_key_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("client")
    return str(write_client_key(folder, ec.generate_private_key(ec.SECP256R1())))


@pytest.fixture(scope="session")
def provider(tmp_path_factory, client_key_file, django_test_environment):
    """oidc-provider, knowing this portal by what /idme/jwks.json publishes."""
    if reason := missing():
        say = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        say(reason)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.IDME_CLIENT_KEY_FILE", client_key_file)
        published = own_keys.public_keys()
    provider = OidcProvider(
        port=free_port(),
        log=tmp_path_factory.mktemp("oidc-provider") / "log",
        redirectUri="http://testserver/idme/callback/",
        clientId="epcs portal",
        clientSecret=SECRET,
        clientJwks=published,
        claims=CLAIMS,
    )
    _wait_until_ready(provider)
    yield provider
    provider.stop()


@pytest.fixture(params=["basic", "post", "key"])
def method(request):
    """How the portal shows who it is; each has an issuer of its own."""
    return request.param


@pytest.fixture
def portal(provider, method, client_key_file, settings):
    """This portal, told nothing of the provider but what an operator would tell it."""
    settings.IDME_ISSUER = provider.issuer(method)
    settings.IDME_CLIENT_ID = "epcs portal"
    settings.IDME_CLIENT_SECRET = "" if method == "key" else SECRET
    settings.IDME_CLIENT_KEY_FILE = client_key_file if method == "key" else ""
    settings.IDME_SCOPES = "openid identity"
    settings.IDME_CLAIMS = settings.IDME_CLAIMS | {
        "ial": "ial",
        "aal": "aal",
        "first_name": "given_name",
        "last_name": "family_name",
        "devices": "authenticators",
    }
    settings.IDME_IAL_VALUES = {IAL2: 2}
    settings.IDME_AAL_VALUES = {AAL2: 2}
    idme_client.cache_clear()
    yield
    idme_client.cache_clear()


@pytest.fixture
def riley(client, db):
    """A user of the portal, signed in, with nothing linked yet."""
    riley = make_user("riley")
    client.force_login(riley)
    return riley


@pytest.fixture
def go_to_provider(client, riley):
    def go_to_provider(purpose="link"):
        response = client.get(reverse("idme-start"), {"purpose": purpose})
        assert response.status_code == 302, response.content
        return response.url

    return go_to_provider


@pytest.fixture
def come_back(client):
    return lambda answer: client.get(reverse("idme-callback"), answer)


@pytest.fixture
def person(provider):
    """Riley, with an account at the provider and a browser."""
    person = Person(provider, subject=str(uuid.uuid4()))
    provider.admin(
        "accounts",
        subject=person.subject,
        email="riley@demo.example",
        given_name="Riley",
        family_name="Ready",
        ial=IAL2,
        aal=AAL2,
        authenticators=[
            listed(name="MyiPhone"),
            {"id": "phone-1", "type": "push", "name": "RileyPush"},
        ],
    )
    return person


def _wait_until_ready(provider):
    deadline = time.monotonic() + START_TIME
    while time.monotonic() < deadline and provider.is_running():
        try:
            return requests.get(f"{provider.origin}/admin/ready", timeout=2)
        except requests.RequestException:
            time.sleep(0.1)
    raise AssertionError(f"oidc-provider did not start:\n{provider.log.read_text()}")
