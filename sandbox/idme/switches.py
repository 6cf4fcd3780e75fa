"""Faults that somebody switched on, to see what a client does about them."""

import time
from functools import cache, wraps

from django.conf import settings
from django.db import transaction
from django.http import HttpResponse
from joserfc.jwk import RSAKey

from sandbox.idme import keys
from sandbox.idme.models import Endpoint, Fault, SigningKey, Switch
from sandbox.network import hang_up

OTHER_ISSUER = "https://somebody-else.example/oidc"
OF_EVERY_ENDPOINT = [Fault.SLOW, Fault.DOWN, Fault.HANG_UP]
FAULTS = {
    Endpoint.DISCOVERY: [*OF_EVERY_ENDPOINT, Fault.HTML, Fault.WRONG_ISSUER],
    Endpoint.AUTHORIZE: [*OF_EVERY_ENDPOINT, Fault.WRONG_ISSUER],
    Endpoint.TOKEN: list(Fault),
    Endpoint.USERINFO: list(Fault),
    Endpoint.BACKCHANNEL: [*OF_EVERY_ENDPOINT, Fault.HTML],
}


def current() -> dict[str, str]:
    return dict(Switch.objects.values_list("endpoint", "fault"))


@transaction.atomic
def turn(faults: dict[str, str]) -> None:
    """Let these endpoints misbehave so, and all others behave."""
    Switch.objects.all().delete()
    Switch.objects.bulk_create(
        Switch(endpoint=endpoint, fault=fault)
        for endpoint, fault in faults.items()
        if fault
    )


def rotate_key() -> SigningKey:
    """Sign with a new key from now on; the old ones stay published."""
    return keys.make_key()


def issuer_of(endpoint: Endpoint) -> str:
    is_other = current().get(endpoint) == Fault.WRONG_ISSUER
    return OTHER_ISSUER if is_other else settings.IDME_ISSUER


def signing_key_of(endpoint: Endpoint) -> RSAKey:
    is_expired = current().get(endpoint) == Fault.EXPIRED_KEY
    return _unpublished_key() if is_expired else keys.current_signing_key()


@cache
def _unpublished_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)


def obeys(endpoint: Endpoint):
    """Let a view do what its switch says before, or instead of, its work."""

    def decorator(view):
        @wraps(view)
        def switched(request, *args, **kwargs):
            fault = current().get(endpoint)
            if fault == Fault.SLOW:
                time.sleep(settings.IDME_SLOW_SECONDS)
            elif fault == Fault.DOWN:
                return HttpResponse(status=503)
            elif fault == Fault.HANG_UP:
                return hang_up(request)
            elif fault == Fault.HTML:
                return HttpResponse("<!doctype html><title>Maintenance</title>")
            return view(request, *args, **kwargs)

        return switched

    return decorator
