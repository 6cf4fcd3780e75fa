"""HTTP to ID.me: bounded in time and size, and never led anywhere else."""

import time

import requests
import urllib3
from authlib.integrations.requests_client import OAuth2Session
from django.conf import settings

from mfa.idme.errors import IdmeUnavailable

MAX_BYTES = 512 * 1024
CHUNK = 16 * 1024


class BoundedSession(OAuth2Session):
    """One conversation; every call ends within IDME_TIMEOUT, whatever is sent.

    A redirect is an error: no endpoint that takes a secret has a reason to send one.
    """

    def request(self, method, url, withhold_token=False, auth=None, **kwargs):
        deadline = time.monotonic() + settings.IDME_TIMEOUT
        kwargs |= {
            "timeout": settings.IDME_TIMEOUT,
            "allow_redirects": False,
            "stream": True,
        }
        try:
            response = super().request(method, url, withhold_token, auth, **kwargs)
            response._content = _read(response, deadline=deadline)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            raise IdmeUnavailable from None
        is_busy = response.status_code == 429 or response.status_code >= 500
        if response.is_redirect or is_busy:
            raise IdmeUnavailable
        return response


def _read(response: requests.Response, *, deadline: float) -> bytes:
    """Read what came so far, again and again: a slow drip does not reset the clock."""
    body = b""
    while chunk := response.raw.read1(CHUNK, decode_content=True):
        body += chunk
        if len(body) > MAX_BYTES or time.monotonic() > deadline:
            response.close()
            raise IdmeUnavailable
    response.close()
    return body
