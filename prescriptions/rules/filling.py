"""Refills, fill dates, partial fills and emergencies: 21 CFR 1306.11 to 1306.23."""

from datetime import timedelta

from foundation.blockers import Blocker
from prescriptions import dates
from prescriptions.models import Prescription
from prescriptions.rules.circumstances import Circumstances
from prescriptions.rules.registry import rule
from providers.models import Schedule

REFILLS_OF_III_AND_IV = 5
FOLLOWS_WITHIN = timedelta(days=7)
LIMITED = (Schedule.III, Schedule.IV)


@rule("1306.12(a)", "1306.22(a)")
def refills(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """No refills for Schedule II, and at most five for Schedules III and IV."""
    if prescription.schedule == Schedule.II and prescription.refills:
        return Blocker(
            "Schedule II cannot be refilled.",
            "Set refills to 0; write a further prescription instead.",
        )
    if (
        prescription.schedule in LIMITED
        and prescription.refills > REFILLS_OF_III_AND_IV
    ):
        return Blocker(
            "Schedules III and IV allow at most 5 refills, within six months.",
            "Set refills to 5 or fewer.",
        )
    return None


@rule("1306.13(b)")
def partial_fill(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """A partial fill is less than the quantity prescribed, for Schedule II only.

    A pharmacy may fill Schedules III to V in parts without it (21 CFR 1306.23).
    """
    part = prescription.partial_fill_quantity
    if part is None:
        return None
    if prescription.schedule != Schedule.II:
        return Blocker(
            "Only Schedule II has a quantity for each partial fill.",
            "Clear it; a pharmacy may fill Schedules III to V in parts without it.",
        )
    if part < prescription.quantity:
        return None
    return Blocker(
        "A partial fill is not smaller than the quantity prescribed.",
        "Enter a smaller quantity for each partial fill, or clear it.",
    )


@rule("1306.11(d)(4)")
def emergency(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """It follows an emergency oral order of Schedule II within seven days."""
    ordered_on = prescription.emergency_oral_on
    if ordered_on is None:
        return None
    if prescription.schedule != Schedule.II:
        return Blocker(
            "Only Schedule II has an authorization for emergency dispensing.",
            "Clear the date of the emergency oral order.",
        )
    if prescription.earliest_fill_on is not None:
        return Blocker(
            "What was dispensed in an emergency has no earliest fill date.",
            "Clear the earliest fill date, or the date of the emergency oral order.",
        )
    if ordered_on > around.on:
        return Blocker(
            "The date of the emergency oral order is in the future.",
            "Enter the day on which you called the pharmacy.",
        )
    if around.on - ordered_on <= FOLLOWS_WITHIN:
        return None
    return Blocker(
        "The emergency oral order was more than seven days ago.",
        "Call the pharmacy: it has to report this to DEA.",
    )


@rule("1306.12(b)(1)(ii)")
def earliest_fill(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """The earliest fill date is not before the date of issue."""
    fill = prescription.earliest_fill_on
    if fill is None or fill >= around.on:
        return None
    return Blocker(
        "The earliest fill date has passed.", "Change or clear it, then review again."
    )


@rule("1306.22(a)")
def fill_in_time(prescription: Prescription, around: Circumstances) -> Blocker | None:
    """Schedules III and IV are filled within six months of the date of issue."""
    fill = prescription.earliest_fill_on
    if fill is None or prescription.schedule not in LIMITED:
        return None
    if fill <= dates.last_fill_day(around.on):
        return None
    return Blocker(
        "Schedules III and IV cannot be filled later than six months from now.",
        "Choose an earlier fill date.",
    )
