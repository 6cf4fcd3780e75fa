"""The facts that the rules need beside the prescription."""

from dataclasses import dataclass
from datetime import date

from prescriptions.models import Prescription, StateRule


@dataclass(frozen=True)
class Circumstances:
    """The facts beside the prescription that rules need, loaded beforehand."""

    on: date  # the day of issue, at the practice
    # Ready or issued, of the same patients, and still counted in a series.
    others: tuple[Prescription, ...] = ()
    left: frozenset[int] = frozenset()  # supervisors who no longer work at the practice
    state_rules: tuple[StateRule, ...] = ()  # those that are switched on

    def state_rule(self, prescription: Prescription) -> StateRule:
        """Return the rule of the practice's State; one without limits if it has none."""
        state, schedule = prescription.practice.state, prescription.schedule
        for rule in self.state_rules:
            if (rule.state, rule.schedule) == (state, schedule):
                return rule
        return StateRule(state=state, schedule=schedule)
