"""What exactly a second person executes: the content that the two factors are for."""

import hashlib

import rfc8785

from audit import seals
from providers.models import AccessRequest, Verification


def digest(request: AccessRequest) -> str:
    """Return the SHA-256 of the content, as the request's page shows it."""
    return hashlib.sha256(rfc8785.dumps(content(request))).hexdigest()


def content(request: AccessRequest) -> dict:
    return {
        "act": "approve_access",
        "format": 1,
        "id": str(request.public_id),
        "kind": str(request.kind),
        "practice": {
            "id": str(request.practice.public_id),
            "name": request.practice.name,
        },
        "person": {
            "username": request.person.get_username(),
            "name": request.subject,
        },
        "provider": request.provider
        and {"id": str(request.provider.public_id), "npi": request.provider.npi},
        "reason": request.reason,
        "entered_by": request.entered_by.get_username(),
        "entered_at": seals.written(request.entered_at),
        "verification": request.verification and _seen(request.verification),
    }


def message(request: AccessRequest) -> str:
    """Return what a phone shows of it."""
    return f"{request}, {request.practice}"[:200]


def _seen(verification: Verification) -> dict:
    license_, until = verification.state_license, verification.registration_expires_on
    registered = {
        "state_registration": license_.registration_number,
        "state_registration_expires_on": until and until.isoformat(),
    }
    return {
        "by": verification.verified_by.get_username(),
        "at": seals.written(verification.verified_at),
        "dea_number": verification.dea_registration.as_written,
        "dea_expires_on": verification.dea_expires_on.isoformat(),
        "dea_source": str(verification.dea_source),
        "state_license": str(verification.state_license),
        "license_expires_on": verification.license_expires_on.isoformat(),
        "state_source": str(verification.state_source),
        "note": verification.note,
        **(registered if license_.registration_number else {}),
    }
