"""The schedule of a product when its sources differ: the strictest (21 CFR 1308)."""

from collections.abc import Iterable

from providers.models import Schedule

STRICTEST_FIRST = [Schedule.II, Schedule.III, Schedule.IV, Schedule.V]


def strictest(schedules: Iterable[str]) -> Schedule:
    """Return the schedule of a combination: that of its strictest ingredient."""
    return min(map(Schedule, schedules), key=STRICTEST_FIRST.index)


def ruling(
    reported: str, ingredients: Iterable[Iterable[str]] = ()
) -> tuple[Schedule | None, bool]:
    """Return the schedule of a product, and True if its sources agree on it.

    `reported` is what its labeler reported to FDA, or empty. Each ingredient lists the
    schedules that the regulation has for its substance: several where strength and
    form decide, and then the report decides among them. None means not controlled.
    """
    known = [set(schedules) for schedules in ingredients if schedules]
    candidates = [
        strictest(schedules) for schedules in known if reported not in schedules
    ]
    if reported:
        candidates.append(Schedule(reported))
    ruled = strictest(candidates) if candidates else None
    is_explained = not known or any(reported in schedules for schedules in known)
    return ruled, is_explained and ruled == (reported or None)
