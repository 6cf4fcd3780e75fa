"""Limits of the practice's State, where an administrator has switched them on."""

from datetime import timedelta

from foundation.blockers import Blocker
from prescriptions.models import Prescription
from prescriptions.rules.circumstances import Circumstances
from prescriptions.rules.registry import rule


@rule("State law")
def supply_in_the_state(
    prescription: Prescription, around: Circumstances
) -> Blocker | None:
    """The State's limit on the supply of one prescription, where it has one."""
    limit = around.state_rule(prescription)
    if limit.most_days_supply is None:
        return None
    label = limit.get_schedule_display()
    if prescription.days_supply is None:
        return Blocker(
            f"{limit.state} limits the supply of {label}, and the days’ supply is "
            f"missing ({limit.source}).",
            "Enter the days’ supply.",
        )
    if prescription.days_supply <= limit.most_days_supply:
        return None
    return Blocker(
        f"{limit.state} allows at most {limit.most_days_supply} days’ supply of "
        f"{label} ({limit.source}).",
        "Prescribe fewer days.",
    )


@rule("State law")
def first_fill_in_the_state(
    prescription: Prescription, around: Circumstances
) -> Blocker | None:
    """The State's limit on the days until the first filling, where it has one."""
    limit = around.state_rule(prescription)
    fill = prescription.earliest_fill_on
    if limit.fill_within_days is None or fill is None:
        return None
    last = around.on + timedelta(days=limit.fill_within_days)
    if fill <= last:
        return None
    return Blocker(
        f"{limit.state} wants {limit.get_schedule_display()} filled within "
        f"{limit.fill_within_days} days ({limit.source}).",
        "Choose an earlier fill date.",
    )
