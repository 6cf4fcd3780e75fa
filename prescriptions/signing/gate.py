"""What has to be in order before anything is marked ready or signed.

21 CFR 1311.100(d): a prescription is invalid if a required function was disabled.
"""

from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError
from django.db.models import QuerySet

from audit import chain
from foundation.actors import Visitor
from foundation.statements import Unreadable, fetch
from prescriptions import signer
from prescriptions.models import ThirdPartyAudit
from prescriptions.network_settings import script_settings
from prescriptions.safeguards import certification, clock, stops


@dataclass(frozen=True)
class Health:
    """What is out of order, and what it was read from, as of one moment."""

    findings: dict[str, list[str]]  # by part of the portal
    reports: list[ThirdPartyAudit]  # third-party audits of this version

    @property
    def problems(self) -> list[str]:
        return [problem for part in self.findings.values() for problem in part]


def problems(*, by: Visitor | None = None) -> list[str]:
    """Return what is out of order, in words for the page; empty if signing may go on."""
    try:
        return examine(by=by).problems
    except DatabaseError:
        return ["The database does not answer."]


def examine(*, by: Visitor | None = None) -> Health:
    """Read by one statement what has to be in order; raise DatabaseError.

    Without `by`, of the whole portal: its stops, and the ends of all chains.
    """
    try:
        return _examined(by)
    except Unreadable as error:
        problem = chain.UNREADABLE.format(error=error)
        return Health({"record": [problem]}, reports=[])


def _examined(by: Visitor | None) -> Health:
    questions: dict[str, list[QuerySet[Any]]] = {
        "stops": stops.evidence(by),
        "clock": clock.evidence(),
        "certification": [certification.of_this_version()],
        "record": [] if by is None else chain.evidence(by),
        "signer": signer.evidence(),
    }
    answers = iter(fetch(*(query for part in questions.values() for query in part)))
    rows = {
        part: [next(answers) for _ in queries] for part, queries in questions.items()
    }
    findings = {
        "stops": stops.problems_in(*rows["stops"], by=by),
        "clock": clock.problems_in(*rows["clock"]),
        "certification": certification.problems_in(*rows["certification"]),
        "network": _network_problems(),
        "record": chain.check_health()
        if by is None
        else chain.problems_in(*rows["record"]),
        "signer": signer.problems_in(*rows["signer"]),
    }
    return Health(findings, rows["certification"][0])


def _network_problems() -> list[str]:
    if script_settings().network_url:
        return []
    return ["No pharmacy network is configured."]
