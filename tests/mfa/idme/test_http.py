import socket
import threading
import time

import pytest

from mfa.idme.errors import IdmeUnavailable
from mfa.idme.http import BoundedSession


@pytest.fixture
def server():
    """A socket that answers as a test says, byte by byte if it likes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve(answer):
            def run():
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    try:
                        answer(connection)
                    except OSError:
                        return

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
    def answer(connection):
        connection.sendall(
            b"HTTP/1.1 302 Found\r\nLocation: https://evil.test/\r\n"
            b"Content-Length: 0\r\n\r\n"
        )

    with pytest.raises(IdmeUnavailable):
        fetch(server(answer))
