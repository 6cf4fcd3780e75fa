"""What has to be in order before anything is marked ready or signed.

21 CFR 1311.100(d): a prescription is invalid if a required function was disabled.
"""

from collections.abc import Callable

from django.db import DatabaseError

from audit import chain
from foundation.actors import Visitor
from prescriptions import signer
from prescriptions.network_settings import script_settings
from prescriptions.safeguards import certification, clock, stops


def problems(*, by: Visitor | None = None) -> list[str]:
    """Return what is out of order, in words for the page; empty if signing may go on."""
    try:
        parts = findings(by=by)
    except DatabaseError:
        return ["The database does not answer."]
    return [problem for problems in parts.values() for problem in problems]


def findings(*, by: Visitor | None = None) -> dict[str, list[str]]:
    """Return what is out of order, by part of the portal; raise DatabaseError."""
    checks: dict[str, Callable[[], list[str]]] = {
        "stops": lambda: stops.problems(by=by),
        "clock": clock.problems,
        "certification": certification.problems,
        "network": _network_problems,
        "record": lambda: chain.check_health(by=by),
        "signer": signer.check_health,
    }
    return {part: check() for part, check in checks.items()}


def _network_problems() -> list[str]:
    if script_settings().network_url:
        return []
    return ["No pharmacy network is configured."]
