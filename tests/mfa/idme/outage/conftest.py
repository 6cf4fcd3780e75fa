import time

import pytest
from django.core.cache import cache

from mfa.models import Kind
from tests.factories import make_device
from tests.mfa.idme.outage.sockets import Outage, refusing, silent
from tests.prescriptions.factories import make_ready


@pytest.fixture(params=["refused", "silent", "half there"])
def how(request):
    return request.param


@pytest.fixture
def outage(how, idme, settings):
    idme.has_phones = True
    idme.mock.add_passthru("http://127.0.0.1")
    idme.mock.add_passthru("https://127.0.0.1")
    with silent() as listener, refusing() as closed:
        yield Outage(
            how=how, idme=idme, settings=settings, listener=listener, closed=closed
        )


@pytest.fixture
def handset(alice):
    """A phone that only ID.me can ask; Alice's primary stays her code generator."""
    return make_device(alice, kind=Kind.PUSH, name="Handset")


@pytest.fixture
def prescription(alice):
    return make_ready(alice.provider)


@pytest.fixture
def as_alice(client, alice):
    client.force_login(alice)
    session = client.session
    session["idme_authenticated_at"] = time.time()
    session.save()
    yield client
    cache.clear()
