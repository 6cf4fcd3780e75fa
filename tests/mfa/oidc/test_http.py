import contextlib
import socket
import threading
import time

import pytest

from mfa.oidc.errors import IdmeUnavailable
from mfa.oidc.http import BoundedSession, shared_timeout


@pytest.fixture
def server():
    """A socket that answers as a test says, byte by byte if it likes."""
    with contextlib.ExitStack() as listeners:

        def serve(answer):
            listener = listeners.enter_context(socket.create_server(("127.0.0.1", 0)))
            listener.settimeout(10)

            def run():
                with contextlib.suppress(OSError):
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(65536)
                        answer(connection)

            threading.Thread(target=run, daemon=True).start()
            return f"http://127.0.0.1:{listener.getsockname()[1]}/"

        yield serve


def fetch(url):
    with BoundedSession() as session:
        return session.request("GET", url, withhold_token=True)


def test_an_answer_is_read_whole(server):
    def answer(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        connection.sendall(b"x" * 100_000)

    assert fetch(server(answer)).content == b"x" * 100_000


def test_a_drip_does_not_hold_a_worker_longer_than_the_timeout(server, settings):
    settings.IDME_TIMEOUT = 0.5
    stop = threading.Event()

    def drip(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not stop.wait(0.1):
            connection.sendall(b"x")

    started = time.monotonic()
    with pytest.raises(IdmeUnavailable):
        fetch(server(drip))
    stop.set()

    assert time.monotonic() - started < 2


def test_silence_ends_at_the_timeout(server, settings):
    settings.IDME_TIMEOUT = 0.3
    stop = threading.Event()

    started = time.monotonic()
    with pytest.raises(IdmeUnavailable):
        fetch(server(lambda connection: stop.wait(5)))
    stop.set()

    assert time.monotonic() - started < 2


def test_a_redirect_is_not_followed(server):
    visited = threading.Event()
    elsewhere = server(lambda connection: visited.set())

    def answer(connection):
        connection.sendall(
            b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n"
            + f"Location: {elsewhere}\r\n\r\n".encode()
        )

    with pytest.raises(IdmeUnavailable):
        fetch(server(answer))

    assert not visited.wait(0.3)


def test_an_endless_answer_is_cut_off(server):
    def answer(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        connection.sendall(b"x" * 1_000_000)

    with pytest.raises(IdmeUnavailable):
        fetch(server(answer))


def test_a_drip_of_headers_does_not_hold_a_worker_either(server, settings):
    settings.IDME_TIMEOUT = 0.5
    stop = threading.Event()

    def drip(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not stop.wait(0.1):
            connection.sendall(b"x")

    started = time.monotonic()
    with pytest.raises(IdmeUnavailable):
        fetch(server(drip))
    stop.set()

    assert time.monotonic() - started < 2


def test_calls_of_one_page_share_one_timeout(server, settings):
    settings.IDME_TIMEOUT = 1

    def slowly(connection):
        time.sleep(0.4)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    @shared_timeout()
    def page(urls):
        for url in urls:
            fetch(url)

    urls = [server(slowly) for _ in range(5)]
    started = time.monotonic()
    with pytest.raises(IdmeUnavailable):
        page(urls)

    assert 0.9 < time.monotonic() - started < 1.5


def test_another_conversation_has_a_timeout_of_its_own(server, settings):
    settings.IDME_TIMEOUT = 0.3
    with shared_timeout():
        time.sleep(0.4)

    def answer(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    assert fetch(server(answer)).json() == {}


def test_nothing_watches_a_connection_that_was_closed(server):
    def answer(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    fetch(server(answer))

    watches = [t for t in threading.enumerate() if isinstance(t, threading.Timer)]
    for watch in watches:
        watch.join(timeout=2)  # seconds; it would watch for 10
    assert not any(watch.is_alive() for watch in watches)
