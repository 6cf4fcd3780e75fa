"""What a practitioner's authority to prescribe at a practice lacks on a day.

21 CFR 1306.03(a), 1311.125(b), (d).
"""

from providers.models import Cause
from providers.standing import Standing


def lapses(standing: Standing) -> list[Cause]:
    """Return the causes to suspend access there on this day (1311.125(d))."""
    causes = [] if standing.works_here else [Cause.LEFT]
    causes += _registration_lapses(standing)
    if not causes and standing.is_missing_on_list:
        causes.append(Cause.NOT_LISTED)
    if standing.license is None:
        causes.append(Cause.LICENSE_EXPIRED)
    return causes


def _registration_lapses(standing: Standing) -> list[Cause]:
    current, on = standing.current_registrations, standing.on
    if any(map(standing.is_covered, current)):
        return []
    if current:
        return [Cause.NOT_LISTED]
    rows = standing.registrations
    if any(row.institution and row.is_own_part_current(on=on) for row in rows):
        return [Cause.INSTITUTION]
    has_ended = any(row.ended_on and row.ended_on <= on for row in rows)
    return [Cause.DEA_ENDED if has_ended else Cause.DEA_EXPIRED]
