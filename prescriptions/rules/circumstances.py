from dataclasses import dataclass
from datetime import date

from prescriptions.models import Prescription, StateRule


@dataclass(frozen=True)
class Circumstances:
    """What a rule looks at beside the prescription, loaded before it is asked."""

    on: date  # the day of issue, at the practice
    # Ready or issued, of the same patients, and still to count.
    others: tuple[Prescription, ...] = ()
    left: frozenset[int] = frozenset()  # supervisors who no longer work there
    state_rules: tuple[StateRule, ...] = ()  # those that are switched on

    def state_rule(self, prescription: Prescription) -> StateRule:
        """Return what the practice's State adds; one without limits if nothing."""
        state, schedule = prescription.practice.state, prescription.schedule
        for rule in self.state_rules:
            if (rule.state, rule.schedule) == (state, schedule):
                return rule
        return StateRule(state=state, schedule=schedule)
