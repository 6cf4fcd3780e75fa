"""Days as the law counts them and as people type them; pure functions."""

from calendar import monthrange
from datetime import date

from django.utils.dateparse import parse_date

MONTHS_OF_III_AND_IV = 6


def months_later(day: date, months: int) -> date:
    """Return the same day of a later month, or its last day."""
    year, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + year, month + 1
    return day.replace(
        year=year, month=month, day=min(day.day, monthrange(year, month)[1])
    )


def last_fill_day(issued_on: date) -> date:
    """Return the last day to fill Schedule III or IV (21 CFR 1306.22(a))."""
    return months_later(issued_on, MONTHS_OF_III_AND_IV)


def end_of_month(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def parse(word: str) -> date | None:
    """Return the date in a search word such as 1961-04-12, or None."""
    try:
        return parse_date(word)
    except ValueError:  # well formed, but not a date
        return None
