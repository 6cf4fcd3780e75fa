"""The DEA registration: 21 CFR 1301.12, 1306.03, 1306.05(a), 1311.120(b)(7)."""

from foundation.blockers import Blocker
from prescriptions.models import Prescription
from prescriptions.rules.circumstances import Circumstances
from prescriptions.rules.elements import EDIT
from prescriptions.rules.registry import rule
from providers.models import Schedule


@rule("1311.120(b)(7)")
def registration_chosen(
    prescription: Prescription, around: Circumstances
) -> Blocker | None:
    """A DEA registration is chosen."""
    if prescription.dea_registration is not None:
        return None
    return Blocker("No DEA registration is chosen.", f"{EDIT[:-1]} and choose one.")


@rule("1306.05(a)")
def registration_of_prescriber(
    prescription: Prescription, around: Circumstances
) -> Blocker | None:
    """The registration number is the practitioner's own."""
    registration = prescription.dea_registration
    if registration is None or registration.provider_id == prescription.prescriber_id:
        return None
    return Blocker("The DEA registration belongs to another practitioner.", EDIT)


@rule("1306.03(a)(2)")
def registration_covers(
    prescription: Prescription, around: Circumstances
) -> Blocker | None:
    """The registration is current and covers the schedule."""
    registration = prescription.dea_registration
    if registration is None or registration.covers(prescription.schedule, on=around.on):
        return None
    if not registration.is_current(on=around.on):
        return Blocker(
            f"DEA registration {registration.as_written} has expired or was ended.",
            "Ask your administrator to enter the renewal.",
        )
    return Blocker(
        f"DEA registration {registration.as_written} does not cover "
        f"{Schedule(prescription.schedule).label}.",
        "Choose another registration or another drug.",
    )


@rule("1301.12", "1311.135(b)")
def registration_of_the_state(
    prescription: Prescription, around: Circumstances
) -> Blocker | None:
    """The registration is for the State where the practice is."""
    registration, state = prescription.dea_registration, prescription.practice.state
    if registration is None or registration.state == state:
        return None
    return Blocker(
        f"DEA registration {registration.as_written} is for {registration.state}, and this "
        f"practice is in {state}.",
        "Choose the registration of this State.",
    )
