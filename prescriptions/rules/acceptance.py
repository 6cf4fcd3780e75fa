"""The pharmacy fills it, and the drug's schedule is still the one prescribed."""

from foundation.blockers import Blocker
from prescriptions.models import Prescription
from prescriptions.rules.circumstances import Circumstances
from prescriptions.rules.registry import rule
from providers.models import Schedule


@rule("1311.200", on_paper=False)
def pharmacy_takes_it(
    prescription: Prescription, around: Circumstances
) -> Blocker | None:
    """The pharmacy accepts controlled substances electronically and fills this schedule."""
    pharmacy = prescription.pharmacy
    if not pharmacy.accepts_epcs:
        return Blocker(
            f"{pharmacy.name} does not accept controlled substances electronically.",
            "Choose another pharmacy.",
        )
    if pharmacy.fills(prescription.schedule):
        return None
    label = Schedule(prescription.schedule).label
    return Blocker(
        f"{pharmacy.name} does not fill {label}.", "Choose another pharmacy."
    )


@rule("1308")
def schedule_unchanged(
    prescription: Prescription, around: Circumstances
) -> Blocker | None:
    """A drug that moved to another schedule is reviewed again."""
    if prescription.schedule == prescription.drug.schedule:
        return None
    return Blocker(
        "The schedule of this drug was changed since the prescription was written.",
        "Edit and save the prescription, then review it again.",
    )
