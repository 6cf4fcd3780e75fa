"""Access grants of the demonstration, made by two of its people each."""

import logging
from typing import Any

from epcs_portal.demo import proofs
from foundation.actors import User
from foundation.refusals import Refused
from mfa.models import Device, Intent, Purpose
from providers import access_managers
from providers.access import access_requests, first_managers
from providers.models import (
    AccessRequest,
    DeaSource,
    Designee,
    Practice,
    Provider,
    StateSource,
)

logger = logging.getLogger(__name__)


def designate(people: list[User], *, practice: Practice) -> None:
    """Designate the first access managers, as the operator does by command."""
    if not Designee.objects.filter(practice=practice).exists():
        for person in people:
            if not access_managers.objection_to(person, practice=practice):
                first_managers.designate(person, practice=practice, by=None)


def grant(
    provider: Provider, account: dict[str, Any], *, practice: Practice, by: User
) -> None:
    """Have an access manager request access and the provider, sole registrant, approve.

    In a demonstration that somebody has used, this may no longer be possible.
    """
    open_requests = AccessRequest.objects.open().filter(provider=provider)
    try:
        request = open_requests.first() or access_requests.request_grant(
            provider, practice=practice, by=by, look_up=_look_up(provider)
        )
        generators = Device.objects.visible_to(provider.user).code_generators()
        # The one most likely to have an unclaimed code now.
        device = generators.order_by("last_step")[0]
        challenge = proofs.proof(
            Intent(
                provider.user, Purpose.APPROVE_ACCESS, request.digest, proofs.SESSION
            ),
            device=device,
            password=account["password"],
        )
        access_requests.approve(
            request, by=provider.user, challenge=challenge, session_key=proofs.SESSION
        )
    except (IndexError, Refused) as refusal:
        logger.warning("%s was not given the right to sign: %s", provider, refusal)


def _look_up(provider: Provider) -> access_requests.LookUp:
    registration = provider.dea_registrations.get()
    license_ = provider.state_licenses.get()
    return access_requests.LookUp(
        dea_registration=registration,
        dea_expires_on=registration.expires_on,
        dea_source=DeaSource.CERTIFICATE,
        state_license=license_,
        license_expires_on=license_.expires_on,
        state_source=StateSource.DOCUMENT,
        note="Invented for the demonstration.",
    )
