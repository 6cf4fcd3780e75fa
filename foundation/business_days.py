"""Business days of the United States: Monday to Friday, less the federal holidays.

5 U.S.C. 6103(a) names the holidays; one on a Saturday is taken on the Friday before
(6103(b)(1)), one on a Sunday on the Monday after (Executive Order 11582). Inauguration
Day is left out: it is a holiday around Washington only (6103(c)), and counting it as a
business day can only make a term end sooner.
"""

from calendar import MONDAY, SATURDAY, SUNDAY, THURSDAY
from datetime import date, datetime, time, timedelta, tzinfo
from functools import cache

DAY = timedelta(days=1)
JUNETEENTH_SINCE = 2021  # Public Law 117-17


def is_business_day(day: date) -> bool:
    return day.weekday() < SATURDAY and day not in holidays(day.year)


def next_business_day(day: date) -> date:
    """Return the first business day after this day, business day or not."""
    return add(day, 1)


def add(day: date, n: int) -> date:
    """Return the `n`th business day after this day."""
    if n < 1:
        raise ValueError("Business days are counted from one on.")
    while n:
        day += DAY
        n -= is_business_day(day)
    return day


def due(at: datetime, *, zone: tzinfo) -> datetime:
    """Return the last moment of the next business day in this zone."""
    day = next_business_day(at.astimezone(zone).date())
    return datetime.combine(day, time.max, tzinfo=zone)


@cache
def holidays(year: int) -> frozenset[date]:
    """Return the weekdays of a year that are federal holidays."""
    # New Year's Day of the next year may be taken on the last day of this one.
    observed = map(_observed, [*_holidays(year), date(year + 1, 1, 1)])
    return frozenset(day for day in observed if day.year == year)


def _holidays(year: int) -> list[date]:
    juneteenth = [date(year, 6, 19)] if year >= JUNETEENTH_SINCE else []
    return [
        date(year, 1, 1),  # New Year's Day
        _nth(3, MONDAY, year, 1),  # Birthday of Martin Luther King, Jr.
        _nth(3, MONDAY, year, 2),  # Washington's Birthday
        _nth(1, MONDAY, year, 6) - 7 * DAY,  # Memorial Day, the last Monday of May
        *juneteenth,
        date(year, 7, 4),  # Independence Day
        _nth(1, MONDAY, year, 9),  # Labor Day
        _nth(2, MONDAY, year, 10),  # Columbus Day
        date(year, 11, 11),  # Veterans Day
        _nth(4, THURSDAY, year, 11),  # Thanksgiving Day
        date(year, 12, 25),  # Christmas Day
    ]


def _nth(n: int, weekday: int, year: int, month: int) -> date:
    first = date(year, month, 1)
    return first + ((weekday - first.weekday()) % 7 + 7 * (n - 1)) * DAY


def _observed(day: date) -> date:
    return day + {SATURDAY: -DAY, SUNDAY: DAY}.get(day.weekday(), timedelta())
