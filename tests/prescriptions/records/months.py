"""What tests of monthly logs look at."""

from datetime import UTC, datetime

from prescriptions.models import PrescriptionLog

SEPTEMBER = datetime(2026, 9, 15, 16, tzinfo=UTC)


def the_log():
    return PrescriptionLog.objects.get()
