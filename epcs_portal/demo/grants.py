"""Have the demonstration's people give each other the right to sign, two by two."""

import logging

from epcs_portal.demo import proofs
from mfa import refusals
from mfa.models import Device, Purpose
from providers import access_managers
from providers.access import access_requests
from providers.models import (
    AccessRequest,
    DeaSource,
    Designee,
    Practice,
    Provider,
    StateSource,
)

logger = logging.getLogger(__name__)


def designate(people: list, *, practice: Practice) -> None:
    """Name the first two who set access, as the operator does at the command line."""
    if not Designee.objects.filter(practice=practice).exists():
        for person in people:
            if not access_managers.objection_to(person, practice=practice):
                access_managers.designate_first(person, practice=practice, by=None)


def grant(provider: Provider, account: dict, *, practice: Practice, by) -> None:
    """Have the manager enter the right, and the only registrant execute the own one.

    In a demonstration that somebody has used, it may not be possible any more.
    """
    waiting = AccessRequest.objects.open().filter(provider=provider)
    try:
        request = waiting.first() or access_requests.request_grant(
            provider, practice=practice, by=by, look_up=_seen(provider)
        )
        devices_of = Device.objects.visible_to(provider.user).code_generators()
        # One that has a code left in this half minute.
        device = devices_of.order_by("last_step")[0]
        challenge = proofs.proof(
            device,
            by=provider.user,
            password=account["password"],
            purpose=Purpose.APPROVE_ACCESS,
            payload_digest=request.digest,
        )
        access_requests.approve(
            request, by=provider.user, challenge=challenge, session_key=proofs.SESSION
        )
    except (IndexError, access_requests.NotAllowed, refusals.NotProven) as refusal:
        logger.warning("%s was not given the right to sign: %s", provider, refusal)


def _seen(provider: Provider) -> access_requests.LookUp:
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
