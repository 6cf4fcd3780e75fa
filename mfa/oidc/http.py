"""HTTP to ID.me: bounded in time and size, and never redirected."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

import requests
import urllib3
from authlib.integrations.requests_client import OAuth2Session
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from mfa.oidc.errors import IdmeUnavailable
from mfa.oidc.provider_settings import idme_settings

MAX_BYTES = 512 * 1024
CHUNK = 16 * 1024

_ends_at: ContextVar[float] = ContextVar("ends_at", default=float("inf"))


@contextmanager
def shared_timeout() -> Iterator[None]:
    """Make all calls inside share one IDME_TIMEOUT: no page waits for several."""
    ends_at = min(_ends_at.get(), time.monotonic() + idme_settings().timeout)
    token = _ends_at.set(ends_at)
    try:
        yield
    finally:
        _ends_at.reset(token)


class BoundedSession(OAuth2Session):
    """A session whose calls end within IDME_TIMEOUT, whatever the server sends.

    A redirect is an error: no endpoint that takes a secret has a reason to send one.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for scheme in ["http://", "https://"]:
            self.mount(scheme, _WatchedAdapter())

    @shared_timeout()
    def request(
        self,
        method: str,
        url: str,
        withhold_token: bool = False,
        auth: object = None,
        **kwargs: Any,
    ) -> requests.Response:
        """Return a complete response below 500; raise IdmeUnavailable."""
        deadline = _ends_at.get()
        kwargs |= _bounds(deadline)
        try:
            response = super().request(method, url, withhold_token, auth, **kwargs)
            response._content = _read(response, deadline=deadline)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            raise IdmeUnavailable from None
        is_busy = response.status_code == 429 or response.status_code >= 500
        if response.is_redirect or is_busy:
            raise IdmeUnavailable
        return response


def _bounds(deadline: float) -> dict[str, Any]:
    left = deadline - time.monotonic()
    if left <= 0:
        raise IdmeUnavailable
    return {
        "timeout": urllib3.Timeout(total=left),
        "allow_redirects": False,
        "stream": True,
    }


def _read(response: requests.Response, *, deadline: float) -> bytes:
    """Return the body, read piece by piece: a slow drip does not reset the clock."""
    body = b""
    while chunk := response.raw.read1(CHUNK, decode_content=True):
        body += chunk
        if len(body) > MAX_BYTES or time.monotonic() > deadline:
            break
    response.close()
    # Checked again at the end: a connection that was cut looks like an empty answer.
    if len(body) > MAX_BYTES or time.monotonic() > deadline:
        raise IdmeUnavailable
    return body


class _Watched:
    """Mixin that cuts a connection when its time is over.

    A socket's timeout restarts with every byte, and http.client reads the headers, so a
    drip of headers would hold a worker for hours.
    """

    _watch: threading.Timer | None = None

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self._watch = threading.Timer(self.timeout, _cut, [self.sock])  # type: ignore[attr-defined]
        self._watch.daemon = True
        self._watch.start()

    def close(self) -> None:
        if self._watch:
            self._watch.cancel()
        super().close()  # type: ignore[misc]


def _cut(connected: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


class _WatchedHTTP(_Watched, HTTPConnection):
    pass


class _WatchedHTTPS(_Watched, HTTPSConnection):
    pass


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _WatchedHTTP


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _WatchedHTTPS


class _WatchedAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        pools = {"http": _HTTPPool, "https": _HTTPSPool}
        self.poolmanager.pool_classes_by_scheme = pools
