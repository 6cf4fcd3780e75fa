"""What a decision about signing looks at, read at one moment.

Three statements, however many prescriptions: the portal's health, where each
practitioner stands, and what the rules of 21 CFR 1306 look at beside a prescription.
"""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from foundation.actors import User
from prescriptions import rules
from prescriptions.models import Prescription
from prescriptions.signing import gate
from prescriptions.signing.gate import Health
from prescriptions.writing import rule_context
from providers import standing
from providers.standing import Standing


@dataclass(frozen=True)
class Snapshot:
    """The world around some prescriptions of one practice."""

    at: datetime
    health: Health
    standings: dict[tuple[int, int], Standing]
    circumstances: rules.Circumstances

    def standing(self, prescription: Prescription) -> Standing:
        """Return where the prescriber of one of the prescriptions stands."""
        return self.standings[prescription.prescriber_id, prescription.practice_id]


def take(prescriptions: list[Prescription], *, by: User) -> Snapshot:
    """Read what decides about prescriptions of one practice; raise DatabaseError."""
    pairs = {
        (prescription.prescriber_id, prescription.practice_id): (
            prescription.prescriber,
            prescription.practice,
        )
        for prescription in prescriptions
    }
    context = rule_context.load(prescriptions)
    return Snapshot(
        at=timezone.now(),
        health=gate.examine(by=by),
        standings=standing.of_each(pairs.values(), on=context.on),
        circumstances=context,
    )
