from uuid import UUID

import pytest
from django.http import HttpResponse
from django.test import RequestFactory, override_settings

from audit import context
from audit.context import RequestContextMiddleware

FORWARDED = "198.51.100.1, 203.0.113.9"


def ask(**headers):
    """Return where the request came from, as the view sees it, and the response."""
    seen = []

    def view(request):
        seen.append(context.current())
        return HttpResponse()

    response = RequestContextMiddleware(view)(RequestFactory().get("/", **headers))
    return seen[0], response


def test_every_request_has_a_number_of_its_own():
    first, response = ask()
    second, _ = ask(HTTP_X_REQUEST_ID=first.request_id)

    assert response["X-Request-ID"] == first.request_id == str(UUID(first.request_id))
    assert second.request_id != first.request_id


def test_what_a_client_says_of_its_address_is_not_believed():
    origin, _ = ask(REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=FORWARDED)

    assert origin.address == "192.0.2.1"


@override_settings(TRUST_PROXY=True)
@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        (FORWARDED, "203.0.113.9"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("", "192.0.2.1"),
        ("203.0.113.9, <script>", ""),
    ],
)
def test_a_proxy_we_trust_names_the_last_hop(forwarded, address):
    origin, _ = ask(REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=forwarded)

    assert origin.address == address


@pytest.mark.parametrize("address", ["", "unix:", "fe80::1%" + "x" * 100])
def test_an_odd_address_keeps_nobody_out(address):
    origin, response = ask(REMOTE_ADDR=address)

    assert response.status_code == 200
    assert len(origin.address) <= 45


def test_nothing_is_left_behind_after_the_request():
    ask()

    assert context.current() == context.Origin()


def test_nothing_is_left_behind_after_an_exception():
    def view(request):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        RequestContextMiddleware(view)(RequestFactory().get("/"))

    assert context.current() == context.Origin()
