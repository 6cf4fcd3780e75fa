"""The origin of the current act: the address and id of its request."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse


@dataclass(frozen=True)
class Origin:
    address: str = ""
    request_id: str = ""


_origin: ContextVar[Origin] = ContextVar("audit_origin")


def current() -> Origin:
    return _origin.get(Origin())


@contextmanager
def originating(*, address: str, request_id: str) -> Iterator[Origin]:
    """Record this address and request id with every event inside."""
    token = _origin.set(Origin(address=address, request_id=request_id))
    try:
        yield _origin.get()
    finally:
        _origin.reset(token)


class RequestContextMiddleware:
    """Give the request an id, and record it and the address with every event."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = str(uuid.uuid4())
        with originating(address=_address(request), request_id=request_id):
            response = self.get_response(request)
        response.headers["X-Request-ID"] = request_id
        return response


def _address(request: HttpRequest) -> str:
    address = request.META.get("REMOTE_ADDR", "")
    if settings.TRUST_PROXY:
        # Our own proxy adds the last hop; the hops before it can be forged.
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
        address = forwarded.rpartition(",")[2].strip() or address
    try:
        return ip_address(address).compressed[:45]
    except ValueError:
        return ""
