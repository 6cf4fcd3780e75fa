import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from joserfc.jwk import RSAKey

from tests import processes
from tests.sandbox.people import WORLD
from tests.sandbox.visitor import CALLBACK, Visitor


@pytest.fixture(scope="session")
def client_key():
    return RSAKey.generate_key(
        2048, {"use": "enc", "alg": "RSA-OAEP", "kid": "client-1"}
    )


@pytest.fixture(scope="session")
def client_jwks_uri(client_key):
    """The portal's published encryption key, served by a throw-away server."""
    body = json.dumps({"keys": [client_key.as_dict(private=False)]}).encode()

    class Jwks(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

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
    """A browser of Riley, who has two code generators and nothing else."""
    return Visitor(idme.origin, "riley.ready@demo.example")


@pytest.fixture
def newcomer(idme):
    """A browser of somebody who makes an account of their own in this test."""
    visitor = Visitor(idme.origin, "")
    visitor.create_account()
    return visitor
