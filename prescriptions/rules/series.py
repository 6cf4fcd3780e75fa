"""Several prescriptions of one Schedule II drug: 21 CFR 1306.12(b).

One drug is one substance in one dosage form, in whatever strength and from whatever
labeler. A long-acting form beside a short-acting one is another drug, because both are
meant to be taken at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from foundation.blockers import Blocker
from prescriptions.models import Drug, Prescription
from prescriptions.rules.circumstances import Circumstances
from prescriptions.rules.registry import rule
from providers.models import Schedule

LONGEST_SUPPLY = 90  # days


@dataclass(frozen=True)
class Place:
    """The position of a prescription in its series."""

    number: int
    count: int
    days_supply: int | None  # of all; None if any prescription lacks it

    @property
    def is_too_long(self) -> bool:
        return self.days_supply is not None and self.days_supply > LONGEST_SUPPLY


@rule("1306.12(b)(1)")
def fill_in_the_series(
    prescription: Prescription, around: Circumstances
) -> Blocker | None:
    """Schedule II is not filled more than 90 days from now."""
    fill = prescription.earliest_fill_on
    if fill is None or prescription.schedule != Schedule.II:
        return None
    if fill < around.on + timedelta(days=LONGEST_SUPPLY):
        return None
    return Blocker(
        f"Schedule II is prescribed for {LONGEST_SUPPLY} days from now at most, and the "
        "earliest fill date is later.",
        "Choose an earlier fill date.",
    )


@rule("1306.12(b)(1)")
def series_supply(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """The days' supply of a series totals 90 days at most."""
    others = _others(prescription, around.others)
    if not others:
        return None
    total = _days_supply([prescription, *others])
    if total is None:
        return Blocker(
            f"{_several(others)}, and not each says for how many days it is.",
            "Give each its days’ supply.",
        )
    if total <= LONGEST_SUPPLY:
        return None
    return Blocker(
        f"{_several(others)}: together {total} days’ supply, and {LONGEST_SUPPLY} are "
        "allowed.",
        "Prescribe fewer days.",
    )


@rule("1306.12(b)(1)(ii)")
def series_dates(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """Every prescription but the first has an earliest fill date."""
    if not _is_for_now(prescription, around.on):
        return None
    others = _others(prescription, around.others)
    if not any(_is_for_now(other, around.on) for other in others):
        return None
    return Blocker(
        f"{_several(others)}, and only one of them can be filled at once.",
        "Give each of the others an earliest fill date after today.",
    )


@rule("1306.12(b)(1)(iv)")
def series_permitted(
    prescription: Prescription, around: Circumstances
) -> Blocker | None:
    """A series is written only where State law permits it."""
    others = _others(prescription, around.others)
    limit = around.state_rule(prescription)
    if not others or limit.series_allowed:
        return None
    return Blocker(
        f"{_several(others)}, and {limit.state} does not allow a series of them"
        f" ({limit.source}).",
        "Write the next prescription when the patient needs it.",
    )


def place(
    prescription: Prescription, others: Iterable[Prescription], *, on: date
) -> Place | None:
    """Return its place among the others by date of filling; None if it is alone."""
    members = [prescription, *_others(prescription, others)]
    if len(members) == 1:
        return None
    members.sort(key=lambda member: (member.earliest_fill_on or on, member.pk or 0))
    return Place(
        number=members.index(prescription) + 1,
        count=len(members),
        days_supply=_days_supply(members),
    )


def is_same_drug(drug: Drug, other: Drug) -> bool:
    """Return True if two products are one substance in one dosage form."""
    is_same_substance = drug.substance.casefold() == other.substance.casefold()
    is_same_code = drug.dea_code != "" and drug.dea_code == other.dea_code
    return (is_same_substance or is_same_code) and (
        drug.form.casefold() == other.form.casefold()
    )


def _others(
    prescription: Prescription, others: Iterable[Prescription]
) -> list[Prescription]:
    """Return the others of its series; follow-ups to emergency orders do not count."""
    if prescription.emergency_oral_on or prescription.schedule != Schedule.II:
        return []
    return [
        other
        for other in others
        if other != prescription
        and other.patient_id == prescription.patient_id
        and other.schedule == Schedule.II
        and other.emergency_oral_on is None
        and is_same_drug(other.drug, prescription.drug)
    ]


def _is_for_now(prescription: Prescription, on: date) -> bool:
    fill = prescription.earliest_fill_on
    return fill is None or fill <= on


def _days_supply(prescriptions: list[Prescription]) -> int | None:
    supply = [prescription.days_supply for prescription in prescriptions]
    return None if None in supply else sum(days or 0 for days in supply)


def _several(others: list[Prescription]) -> str:
    count = len(others) + 1
    return f"The patient would have {count} prescriptions of {others[0].drug.substance}"
