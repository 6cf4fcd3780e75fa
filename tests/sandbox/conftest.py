import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pyotp
import pytest
import requests
from joserfc.jwk import ECKey, RSAKey

from tests import processes
from tests.sandbox import people
from tests.sandbox.people import WORLD
from tests.sandbox.phone import Phone
from tests.sandbox.visitor import CALLBACK, CIBA, Visitor

PORTAL = ("portal", "portal-secret")
MESSAGE = "R.R.: oxycodone 5 mg tablet, quantity 30"


@pytest.fixture(scope="session")
def client_key():
    return RSAKey.generate_key(
        2048, {"use": "enc", "alg": "RSA-OAEP", "kid": "client-1"}
    )


@pytest.fixture(scope="session")
def client_signing_key():
    """The key with which the portal shows who it is, where it has no secret."""
    return ECKey.generate_key(
        "P-256", {"use": "sig", "alg": "ES256", "kid": "client-2"}
    )


@pytest.fixture(scope="session")
def client_jwks_uri(client_key, client_signing_key):
    """The portal's published keys, served by a throw-away server."""
    published = [client_key, client_signing_key]
    body = json.dumps({"keys": [key.as_dict(private=False) for key in published]})

    class Jwks(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Jwks) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/jwks.json"
        server.shutdown()


@pytest.fixture(scope="session")
def idme(tmp_path_factory, client_jwks_uri):
    folder = tmp_path_factory.mktemp("idme")
    world = folder / "world.json"
    world.write_text(json.dumps(WORLD))
    server = processes.start_idme(
        folder,
        world=world,
        client_jwks_uri=client_jwks_uri,
        redirect_uris=[CALLBACK],
        portal_origin="http://localhost:8999",
        backchannel_interval=1,
    )
    yield server
    server.stop()


@pytest.fixture(scope="session")
def pharmacy(tmp_path_factory):
    server = processes.start_pharmacy(tmp_path_factory.mktemp("pharmacy"))
    yield server
    server.stop()


@pytest.fixture
def riley(idme):
    """A browser of Riley, who has two code generators and a push device."""
    return Visitor(idme.origin, "riley.ready@demo.example")


@pytest.fixture
def newcomer(idme):
    """A browser of somebody who makes an account of their own in this test."""
    visitor = Visitor(idme.origin, "")
    visitor.create_account()
    return visitor


@pytest.fixture
def nora(idme):
    """A browser of somebody after step 1 of 3, with no method yet."""
    visitor = Visitor(idme.origin, f"nora-{pyotp.random_base32()}@demo.example")
    visitor.post(
        "/signup/",
        {
            "first_name": "Nora",
            "last_name": "Newer",
            "email": visitor.email,
            "password": people.PASSWORD,
        },
    )
    return visitor


@pytest.fixture
def ask(idme):
    """Ask for an approval by Riley's push device."""

    def post(auth=PORTAL, **overrides):
        asked = {
            "scope": "openid",
            "login_hint": people.RILEY,
            "binding_message": MESSAGE,
            "requested_expiry": "120",
            "device": people.RILEY_PUSH,
            "match_number": "47",
        } | overrides
        return requests.post(
            f"{idme.origin}/oauth/backchannel",
            {name: value for name, value in asked.items() if value is not None},
            auth=auth,
            timeout=10,
        )

    return post


@pytest.fixture
def poll(idme):
    def post(started, auth=PORTAL, **more):
        data = {"grant_type": CIBA, "auth_req_id": started.json()["auth_req_id"]}
        return requests.post(
            f"{idme.origin}/oauth/token", data | more, auth=auth, timeout=10
        )

    return post


@pytest.fixture
def phone(idme):
    phone = Phone(idme.origin, "ready")
    while phone.approval():
        phone.decide("declined")
    return phone
