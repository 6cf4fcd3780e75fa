"""The origin of the current act: the address and id of its request."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


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
