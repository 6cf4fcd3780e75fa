"""A Monday of incidents."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import time_machine
from django.utils import timezone

from providers.models import Designee

DAY = date(2026, 11, 16)  # a Monday
NEW_YORK = ZoneInfo("America/New_York")


def at(day, hour=12, minute=0):
    moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEW_YORK)
    return time_machine.travel(moment.astimezone(UTC), tick=False)


def end_designations():
    Designee.objects.filter(until=None).update(until=timezone.now())
