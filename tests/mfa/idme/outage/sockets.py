"""ID.me gone in the ways it can go, on real sockets."""

import socket

from mfa.oidc.client import client as idme_client

ENDPOINTS = [
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "backchannel_authentication_endpoint",
    "jwks_uri",
]
TIMEOUT = 0.3  # seconds, from the beginning: before it, a busy machine has time


def silent():
    """Return a socket that takes connections, as the kernel does, and never answers."""
    return socket.create_server(("127.0.0.1", 0))


def refusing():
    """Return a socket that keeps its port and refuses whoever connects to it."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    return bound


class Outage:
    """From `begins` on, ID.me refuses, is silent, or is silent behind its metadata."""

    def __init__(self, *, how, idme, settings, listener, closed):
        self._idme, self._settings, self._listener = idme, settings, listener
        self.leaves_discovery = how == "half there"
        self.refuses = how == "refused"
        self._port = (closed if self.refuses else listener).getsockname()[1]

    def begins(self):
        self._idme.calls.clear()
        idme_client.cache_clear()
        self._settings.IDME_TIMEOUT = TIMEOUT
        if self.leaves_discovery:
            nowhere = f"https://127.0.0.1:{self._port}/"
            self._idme.metadata |= dict.fromkeys(ENDPOINTS, nowhere)
        else:
            self._settings.IDME_ISSUER = f"http://127.0.0.1:{self._port}/oidc"

    def issuer(self):
        """Return what the callback names as the issuer."""
        return {"iss": self._settings.IDME_ISSUER}

    def was_asked(self):
        """Say whether a connection came, or the metadata were read."""
        self._listener.setblocking(False)
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return bool(self._idme.calls)
        connection.close()
        return True

    def wait_until_asked(self):
        """Return the connection of the first who asks."""
        self._listener.settimeout(10)  # seconds
        connection, _ = self._listener.accept()
        return connection
