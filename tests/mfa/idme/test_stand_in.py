"""The client against the ID.me stand-in, as a process of its own, over HTTP."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from mfa.models import Device, IdmeAccount
from mfa.oidc import own_keys
from mfa.oidc.client import client as idme_client
from tests import processes
from tests.factories import make_user
from tests.sandbox.people import MY_IPHONE, OFFICE_IPAD, RILEY, WORLD
from tests.sandbox.visitor import CALLBACK, Visitor

ORIGIN = CALLBACK.removesuffix("/idme/callback/")


@pytest.fixture(scope="module")
def published_key():
    """The portal's /idme/jwks.json, where the stand-in can fetch it."""

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(own_keys.public_keys()).encode())

        def log_message(self, *args):
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Keys) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def stand_in(tmp_path, published_key, settings):
    world = tmp_path / "world.json"
    world.write_text(json.dumps(WORLD))
    server = processes.start_idme(
        tmp_path, world=world, client_jwks_uri=published_key, redirect_uris=[CALLBACK]
    )
    settings.IDME_ISSUER = f"{server.origin}/oidc"
    settings.PORTAL_ORIGIN = ORIGIN
    idme_client.cache_clear()
    yield server
    idme_client.cache_clear()
    server.stop()


@pytest.mark.slow
def test_link_list_remove_and_outage(client, db, stand_in):
    riley = make_user("riley")
    client.force_login(riley)
    visitor = Visitor(stand_in.origin, "riley.ready@demo.example")

    started = client.get(reverse("idme-start"))
    path = started.url.removeprefix(stand_in.origin)
    answer = visitor.sign_in(path, secret=MY_IPHONE)
    if answer.status_code == 200:
        answer = visitor.post(path, {"decision": "allow"}, allow_redirects=False)
    back = urlsplit(answer.headers["Location"])
    response = client.get(f"{back.path}?{back.query}")

    assert response.url == reverse("erx-info")
    assert "idme_authenticated_at" in client.session
    account = IdmeAccount.objects.get(user=riley)
    assert account.subject == RILEY
    assert account.is_identity_proofed
    assert names_of(riley) == ["MyiPhone", "OfficeiPad", "RileyPush"]

    remove_at_idme(visitor, "OfficeiPad")
    assert "1 device removed" in refresh(client)
    assert names_of(riley) == ["MyiPhone", "RileyPush"]

    stand_in.stop()
    assert "ID.me cannot be reached" in refresh(client)
    assert names_of(riley) == ["MyiPhone", "RileyPush"]
    assert client.get(reverse("idme-start")).status_code in (302, 503)


def names_of(user):
    listed = Device.objects.visible_to(user).listed()
    return sorted(listed.values_list("name", flat=True))


def refresh(client):
    response = client.post(reverse("idme-devices-refresh"))
    return " ".join(str(m) for m in get_messages(response.wsgi_request))


def remove_at_idme(visitor, name):
    page = visitor.sign_in(
        "/account/security/", secret=OFFICE_IPAD, method="OfficeiPad"
    )
    trash_can = re.search(rf'href="([^"]+)" aria-label="Remove {name}"', page.text)
    visitor.post(trash_can[1])
