"""21 CFR 1306 as small pure functions: each returns a blocker, or None.

They see a prescription and the circumstances; no queries, no clock, no settings. A rule
is registered by its decorator alone; a new group of rules is named in GROUPS as well.
"""

from foundation.blockers import Blocker
from prescriptions.models import Prescription
from prescriptions.rules import (
    acceptance,
    elements,
    filling,
    registration,
    series,
    states,
)
from prescriptions.rules.circumstances import Circumstances
from prescriptions.rules.registry import Rule, rules_in
from prescriptions.rules.series import Place, place, series_dates

__all__ = [
    "RULES",
    "Circumstances",
    "Place",
    "Rule",
    "blockers_to_printing",
    "blockers_to_ready",
    "blockers_to_signing",
    "one_patient",
    "place",
    "series_dates",
]

# People read the blockers in this order.
GROUPS = [elements, filling, series, states, registration, acceptance]
RULES: list[Rule] = [rule for group in GROUPS for rule in rules_in(group)]


def blockers_to_ready(
    prescription: Prescription, *, around: Circumstances
) -> list[Blocker]:
    """Return every reason why this may not be marked ready on this day."""
    return _blockers(RULES, prescription, around)


def blockers_to_printing(
    prescription: Prescription, *, around: Circumstances
) -> list[Blocker]:
    """Return every reason why this may not be printed to be signed by hand."""
    return _blockers([rule for rule in RULES if rule.on_paper], prescription, around)


def blockers_to_signing(
    prescriptions: list[Prescription], *, around: Circumstances
) -> list[Blocker]:
    """Return every reason why these may not be signed together on this day."""
    blockers = [
        blocker
        for prescription in prescriptions
        for blocker in blockers_to_ready(prescription, around=around)
    ]
    together = one_patient(prescriptions)
    return [*blockers, together] if together else blockers


def one_patient(prescriptions: list[Prescription]) -> Blocker | None:
    """21 CFR 1311.140(a)(1), 1311.120(b)(13): one signature, one patient."""
    if len({prescription.patient_id for prescription in prescriptions}) == 1:
        return None
    return Blocker(
        "One signature is for the prescriptions of one patient.",
        "Sign for each patient by itself.",
    )


def _blockers(
    rules: list[Rule], prescription: Prescription, around: Circumstances
) -> list[Blocker]:
    answers = [rule.check(prescription, around) for rule in rules]
    return [blocker for blocker in answers if blocker]
