"""Reports, incidents and what was made of them are kept as they were written."""

from django.db import migrations

from foundation.triggers import guards, kept

UNIQUE = {
    "audit_dailyreport": ["id", "day"],
    "audit_incident": ["id", "public_id"],
    "audit_incidentstep": ["id"],
}


def rules():
    for table, unique in UNIQUE.items():
        yield from kept(table, *unique)
        yield (table, "append_only", "UPDATE", "1 = 1", f"{table} is append-only")


class Migration(migrations.Migration):
    dependencies = [("audit", "0004_daily_reports")]
    operations = [guards(*rules())]
