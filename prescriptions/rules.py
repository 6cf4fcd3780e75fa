"""21 CFR 1306 as small pure functions: each returns a reason against, or None.

They see loaded rows and a day; no queries, no clock, no settings.
"""

from calendar import monthrange
from collections.abc import Callable, Iterable
from datetime import date

from prescriptions import content, formats
from prescriptions.models import Prescription
from providers.models import Schedule
from providers.readiness import Blocker

GAMMA_HYDROXYBUTYRIC_ACID = "2012"  # DEA code of the approved products
REFILLS_OF_III_AND_IV = 5
MONTHS_OF_III_AND_IV = 6
SUPPLY_OF_A_SERIES = 90  # days
STRICTEST_FIRST = [Schedule.II, Schedule.III, Schedule.IV, Schedule.V]
EDIT = "Edit the prescription."

Rule = Callable[[Prescription, date], Blocker | None]


def stricter(schedules: Iterable[str]) -> Schedule:
    """Return the schedule of a combination: that of its strictest ingredient."""
    return min(map(Schedule, schedules), key=STRICTEST_FIRST.index)


def months_later(day: date, months: int) -> date:
    """Return the same day of a later month, or its last day."""
    year, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + year, month + 1
    return day.replace(
        year=year, month=month, day=min(day.day, monthrange(year, month)[1])
    )


def blockers_to_ready(prescription: Prescription, *, on: date) -> list[Blocker]:
    """Return every reason why this may not be marked ready on this day."""
    found = [rule(prescription, on) for rule in RULES]
    return [blocker for blocker in found if blocker]


def blockers_to_signing(
    prescriptions: list[Prescription], *, on: date
) -> list[Blocker]:
    """Return every reason why these may not be signed together on this day."""
    found = [one for each in prescriptions for one in blockers_to_ready(each, on=on)]
    together = [one_patient(prescriptions), series(prescriptions)]
    return [*found, *(blocker for blocker in together if blocker)]


def patient(prescription: Prescription, on: date) -> Blocker | None:
    """21 CFR 1306.05(a): full name and address of the patient."""
    one = prescription.patient
    wanted = [
        one.first_name,
        one.last_name,
        one.address_line_1,
        one.city,
        one.state,
        one.postal_code,
    ]
    if all(value.strip() for value in wanted):
        return None
    return Blocker(
        "The patient’s full name or address is incomplete.",
        "Complete it on the patient’s page.",
    )


def practitioner(prescription: Prescription, on: date) -> Blocker | None:
    """21 CFR 1306.05(a): name and address of the practitioner."""
    practice, prescriber = prescription.practice, prescription.prescriber
    wanted = [
        prescriber.first_name,
        prescriber.last_name,
        practice.address_line_1,
        practice.city,
        practice.state,
        practice.postal_code,
    ]
    if all(value.strip() for value in wanted):
        return None
    return Blocker(
        "The practitioner’s name or the practice’s address is incomplete.",
        "Ask your administrator to complete it.",
    )


def drug(prescription: Prescription, on: date) -> Blocker | None:
    """21 CFR 1306.05(a): drug name, strength and dosage form, all in what is sent."""
    one = prescription.drug
    wanted = [one.strength, one.form]
    if all(text.strip() and text in one.name for text in wanted):
        return None
    return Blocker(
        "The drug’s description lacks its strength or dosage form.",
        "Choose another drug and tell your administrator.",
    )


def drug_in_use(prescription: Prescription, on: date) -> Blocker | None:
    """A drug that left the formulary is not prescribed any more."""
    if prescription.drug.is_active:
        return None
    return Blocker("This drug is no longer in the formulary.", "Choose another drug.")


def directions(prescription: Prescription, on: date) -> Blocker | None:
    """21 CFR 1306.05(a): directions for use."""
    if prescription.directions.strip():
        return None
    return Blocker("The directions for use are missing.", EDIT)


def quantity(prescription: Prescription, on: date) -> Blocker | None:
    """21 CFR 1306.05(a): the quantity prescribed."""
    if prescription.quantity > 0:
        return None
    return Blocker("The quantity is missing.", EDIT)


def readable(prescription: Prescription, on: date) -> Blocker | None:
    """21 CFR 1311.170(e): nothing that a pharmacy's system would drop or change."""
    if all(map(formats.is_printable, content.texts(content.canonical(prescription)))):
        return None
    return Blocker(
        "There is a character in it that cannot be printed.",
        "Look for it in the directions, the note, names and addresses, and remove it.",
    )


def refills(prescription: Prescription, on: date) -> Blocker | None:
    """21 CFR 1306.12(a): none for Schedule II; 1306.22(a): at most five for III, IV."""
    if prescription.schedule == Schedule.II and prescription.refills:
        return Blocker(
            "Schedule II cannot be refilled.",
            "Set refills to 0; write a further prescription instead.",
        )
    is_limited = prescription.schedule in (Schedule.III, Schedule.IV)
    if is_limited and prescription.refills > REFILLS_OF_III_AND_IV:
        return Blocker(
            "Schedules III and IV allow at most 5 refills, within six months.",
            "Set refills to 5 or fewer.",
        )
    return None


def medical_need(prescription: Prescription, on: date) -> Blocker | None:
    """21 CFR 1306.05(c): the medical need for gamma-hydroxybutyric acid is noted."""
    is_ghb = prescription.drug.dea_code == GAMMA_HYDROXYBUTYRIC_ACID
    if not is_ghb or prescription.note.strip():
        return None
    return Blocker(
        "The medical need for this drug has to be on the prescription.",
        "Write it into the note to the pharmacist.",
    )


def registration_chosen(prescription: Prescription, on: date) -> Blocker | None:
    """21 CFR 1311.120(b)(7): with several registrations, one is chosen."""
    if prescription.dea_registration is not None:
        return None
    return Blocker("No DEA registration is chosen.", f"{EDIT[:-1]} and choose one.")


def registration_of_prescriber(prescription: Prescription, on: date) -> Blocker | None:
    """21 CFR 1306.05(a): the registration number is the practitioner's own."""
    registration = prescription.dea_registration
    if registration is None or registration.provider_id == prescription.prescriber_id:
        return None
    return Blocker("The DEA registration belongs to another practitioner.", EDIT)


def registration_covers(prescription: Prescription, on: date) -> Blocker | None:
    """21 CFR 1306.03(a)(2): registered now, and for this schedule."""
    registration = prescription.dea_registration
    if registration is None or registration.covers(prescription.schedule, on=on):
        return None
    if not registration.is_current(on=on):
        return Blocker(
            f"DEA registration {registration.number} has expired or was ended.",
            "Ask your administrator to enter the renewal.",
        )
    return Blocker(
        f"DEA registration {registration.number} does not cover "
        f"{Schedule(prescription.schedule).label}.",
        "Choose another registration or another drug.",
    )


def registration_of_the_state(prescription: Prescription, on: date) -> Blocker | None:
    """21 CFR 1301.12, 1311.135(b): the registration of the State of the location."""
    registration, state = prescription.dea_registration, prescription.practice.state
    if registration is None or registration.state == state:
        return None
    return Blocker(
        f"DEA registration {registration.number} is for {registration.state}, and this "
        f"practice is in {state}.",
        "Choose the registration of this State.",
    )


def earliest_fill(prescription: Prescription, on: date) -> Blocker | None:
    """21 CFR 1306.12(b)(1)(ii): an earliest fill date is not before the issue."""
    if prescription.earliest_fill_on is None or prescription.earliest_fill_on >= on:
        return None
    return Blocker(
        "The earliest fill date has passed.", "Change or clear it, then review again."
    )


def fill_in_time(prescription: Prescription, on: date) -> Blocker | None:
    """21 CFR 1306.22(a): III and IV are not filled later than six months after issue."""
    fill = prescription.earliest_fill_on
    if fill is None or prescription.schedule not in (Schedule.III, Schedule.IV):
        return None
    if fill <= months_later(on, MONTHS_OF_III_AND_IV):
        return None
    return Blocker(
        "Schedules III and IV cannot be filled later than six months from now.",
        "Choose an earlier fill date.",
    )


def pharmacy_takes_it(prescription: Prescription, on: date) -> Blocker | None:
    """21 CFR 1311.200: the pharmacy's application has to accept them."""
    if prescription.pharmacy.accepts_epcs:
        return None
    return Blocker(
        f"{prescription.pharmacy.name} does not accept controlled substances "
        "electronically.",
        "Choose another pharmacy.",
    )


def schedule_unchanged(prescription: Prescription, on: date) -> Blocker | None:
    """21 CFR 1308: what was moved to another schedule is reviewed again."""
    if prescription.schedule == prescription.drug.schedule:
        return None
    return Blocker(
        "The schedule of this drug was changed since the prescription was written.",
        "Edit and save the prescription, then review it again.",
    )


def one_patient(prescriptions: list[Prescription]) -> Blocker | None:
    """21 CFR 1311.140(a)(1), 1311.120(b)(13): one signature, one patient."""
    if len({prescription.patient_id for prescription in prescriptions}) == 1:
        return None
    return Blocker(
        "One signature is for the prescriptions of one patient.",
        "Sign for each patient by itself.",
    )


def series(prescriptions: list[Prescription]) -> Blocker | None:
    """21 CFR 1306.12(b)(1): several of one Schedule II drug cover at most 90 days."""
    by_drug: dict[int, list[Prescription]] = {}
    for prescription in prescriptions:
        if prescription.schedule == Schedule.II:
            by_drug.setdefault(prescription.drug_id, []).append(prescription)
    for same in by_drug.values():
        supply = [prescription.days_supply for prescription in same]
        at_once = [one for one in same if one.earliest_fill_on is None]
        if len(same) > 1 and (
            len(at_once) > 1
            or None in supply
            or sum(days or 0 for days in supply) > SUPPLY_OF_A_SERIES
        ):
            return Blocker(
                "Several prescriptions of one Schedule II drug cover at most 90 days, "
                "and each after the first has an earliest fill date.",
                "Give each its days’ supply and its earliest fill date.",
            )
    return None


RULES: list[Rule] = [
    patient,
    practitioner,
    drug,
    drug_in_use,
    directions,
    quantity,
    readable,
    refills,
    medical_need,
    registration_chosen,
    registration_of_prescriber,
    registration_covers,
    registration_of_the_state,
    earliest_fill,
    fill_in_time,
    pharmacy_takes_it,
    schedule_unchanged,
]
