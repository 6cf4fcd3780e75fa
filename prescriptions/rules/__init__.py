"""21 CFR 1306 as small pure functions: each returns a reason against, or None.

They see a prescription and the circumstances; no queries, no clock, no settings.
"""

from collections.abc import Callable

from foundation.blockers import Blocker
from prescriptions.models import Prescription
from prescriptions.rules.circumstances import Circumstances
from prescriptions.rules.elements import (
    directions,
    drug,
    drug_in_use,
    fits,
    medical_need,
    note_fits,
    patient,
    pharmacy_takes_it,
    practitioner,
    quantity,
    readable,
    schedule_unchanged,
    supervisor,
)
from prescriptions.rules.filling import (
    earliest_fill,
    emergency,
    fill_in_time,
    partial_fill,
    refills,
)
from prescriptions.rules.registration import (
    registration_chosen,
    registration_covers,
    registration_of_prescriber,
    registration_of_the_state,
)
from prescriptions.rules.series import (
    Place,
    fill_in_the_series,
    place,
    series_dates,
    series_permitted,
    series_supply,
)
from prescriptions.rules.states import first_fill_in_the_state, supply_in_the_state

__all__ = [
    "RULES",
    "Circumstances",
    "Place",
    "blockers_to_ready",
    "blockers_to_signing",
    "one_patient",
    "place",
]

Rule = Callable[[Prescription, Circumstances], Blocker | None]


def blockers_to_ready(
    prescription: Prescription, *, around: Circumstances
) -> list[Blocker]:
    """Return every reason why this may not be marked ready on this day."""
    found = [rule(prescription, around) for rule in RULES]
    return [blocker for blocker in found if blocker]


def blockers_to_signing(
    prescriptions: list[Prescription], *, around: Circumstances
) -> list[Blocker]:
    """Return every reason why these may not be signed together on this day."""
    found = [
        one for each in prescriptions for one in blockers_to_ready(each, around=around)
    ]
    together = one_patient(prescriptions)
    return [*found, together] if together else found


def one_patient(prescriptions: list[Prescription]) -> Blocker | None:
    """21 CFR 1311.140(a)(1), 1311.120(b)(13): one signature, one patient."""
    if len({prescription.patient_id for prescription in prescriptions}) == 1:
        return None
    return Blocker(
        "One signature is for the prescriptions of one patient.",
        "Sign for each patient by itself.",
    )


RULES: list[Rule] = [
    patient,
    practitioner,
    supervisor,
    drug,
    drug_in_use,
    directions,
    quantity,
    readable,
    note_fits,
    fits,
    medical_need,
    refills,
    partial_fill,
    emergency,
    earliest_fill,
    fill_in_time,
    fill_in_the_series,
    series_supply,
    series_dates,
    series_permitted,
    supply_in_the_state,
    first_fill_in_the_state,
    registration_chosen,
    registration_of_prescriber,
    registration_covers,
    registration_of_the_state,
    pharmacy_takes_it,
    schedule_unchanged,
]
