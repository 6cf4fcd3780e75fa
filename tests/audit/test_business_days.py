from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from foundation import business_days

NEW_YORK = ZoneInfo("America/New_York")

# As the Office of Personnel Management published them.
PUBLISHED = {
    2020: "01-01 01-20 02-17 05-25 07-03 09-07 10-12 11-11 11-26 12-25",
    2021: "01-01 01-18 02-15 05-31 06-18 07-05 09-06 10-11 11-11 11-25 12-24 12-31",
    2022: "01-17 02-21 05-30 06-20 07-04 09-05 10-10 11-11 11-24 12-26",
    2023: "01-02 01-16 02-20 05-29 06-19 07-04 09-04 10-09 11-10 11-23 12-25",
    2024: "01-01 01-15 02-19 05-27 06-19 07-04 09-02 10-14 11-11 11-28 12-25",
    2025: "01-01 01-20 02-17 05-26 06-19 07-04 09-01 10-13 11-11 11-27 12-25",
    2026: "01-01 01-19 02-16 05-25 06-19 07-03 09-07 10-12 11-11 11-26 12-25",
    2027: "01-01 01-18 02-15 05-31 06-18 07-05 09-06 10-11 11-11 11-25 12-24 12-31",
}


@pytest.mark.cfr("1311.150(c)")
@pytest.mark.parametrize("year", PUBLISHED)
def test_federal_holidays_are_those_that_were_published(year):
    published = {date.fromisoformat(f"{year}-{day}") for day in PUBLISHED[year].split()}

    assert business_days.holidays(year) == published


@pytest.mark.parametrize(
    ("day", "following"),
    [
        pytest.param("2026-11-20", "2026-11-23", id="a Friday"),
        pytest.param("2026-11-21", "2026-11-23", id="a Saturday"),
        pytest.param("2026-11-22", "2026-11-23", id="a Sunday"),
        pytest.param("2026-11-25", "2026-11-27", id="the eve of Thanksgiving"),
        pytest.param("2026-07-02", "2026-07-06", id="a Fourth of July on a Saturday"),
        pytest.param("2022-06-17", "2022-06-21", id="a Juneteenth on a Sunday"),
        pytest.param("2027-12-30", "2028-01-03", id="a New Year on a Saturday"),
        pytest.param("2020-06-18", "2020-06-19", id="before Juneteenth was a holiday"),
        pytest.param("2025-01-17", "2025-01-21", id="an Inauguration Day"),
    ],
)
def test_the_next_business_day(day, following):
    following = date.fromisoformat(following)

    assert business_days.next_business_day(date.fromisoformat(day)) == following
    assert business_days.is_business_day(following)


@pytest.mark.cfr("1311.150(c)")
@pytest.mark.parametrize(
    ("at", "due"),
    [
        pytest.param("2026-11-23 15:00", "2026-11-24 23:59", id="on a Monday"),
        pytest.param("2026-11-24 04:59", "2026-11-24 23:59", id="late on a Monday"),
        pytest.param("2026-11-24 05:00", "2026-11-25 23:59", id="early on a Tuesday"),
        pytest.param("2026-12-24 15:00", "2026-12-28 23:59", id="on Christmas Eve"),
        pytest.param("2026-10-30 15:00", "2026-11-02 23:59", id="as clocks change"),
    ],
)
def test_due_at_the_end_of_the_next_business_day_of_the_place(at, due):
    at = datetime.fromisoformat(at).replace(tzinfo=UTC)

    found = business_days.due(at, zone=NEW_YORK)

    assert f"{found:%Y-%m-%d %H:%M}" == due
    assert found.tzinfo is NEW_YORK


def test_five_business_days_and_no_fewer_than_one():
    assert business_days.add(date(2026, 12, 23), 5) == date(2026, 12, 31)
    with pytest.raises(ValueError, match="counted from one"):
        business_days.add(date(2026, 12, 23), 0)
