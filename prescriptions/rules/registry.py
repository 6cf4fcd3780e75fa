"""How a rule is registered: `@rule("1306.12(a)")` names the paragraph it enforces."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import TypeAlias

from foundation.blockers import Blocker
from prescriptions.models import Prescription
from prescriptions.rules.circumstances import Circumstances

Check: TypeAlias = Callable[[Prescription, Circumstances], Blocker | None]


@dataclass(frozen=True)
class Rule:
    """A check, what it enforces, and whether it holds for a printed prescription."""

    check: Check
    paragraphs: tuple[str, ...]  # of 21 CFR, or "State law"
    on_paper: bool


_registered: list[Rule] = []


def rule(*paragraphs: str, on_paper: bool = True) -> Callable[[Check], Check]:
    """Register the decorated check as a rule that enforces these paragraphs."""

    def register(check: Check) -> Check:
        _registered.append(Rule(check, paragraphs, on_paper))
        return check

    return register


def rules_in(module: ModuleType) -> list[Rule]:
    """Return the rules of one module in the order in which they are written there."""
    return [rule for rule in _registered if rule.check.__module__ == module.__name__]
