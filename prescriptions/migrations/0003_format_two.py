import django.core.validators
import django.db.models.deletion
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models

from foundation import triggers

PRESCRIPTION = "prescriptions_prescription"
CONTENT = [
    "id", "public_id", "practice_id", "patient_id", "prescriber_id", "prepared_by_id",
    "dea_registration_id", "supervisor_id", "drug_id", "schedule", "quantity",
    "partial_fill_quantity", "days_supply", "refills", "directions", "note",
    "substitutions_allowed", "earliest_fill_on", "emergency_oral_on", "pharmacy_id",
    "created_at",
]  # fmt: skip
READY = ["ready_digest", "ready_at", "ready_by_id"]
SIGNATURE = [*READY, "issued_on", "signed_at", "version"]
FROZEN = [
    (
        PRESCRIPTION, "frozen_while_ready", "UPDATE",
        "OLD.status = 'ready' AND NEW.status IN ('ready', 'signed')"
        f" AND ({triggers.changed(*CONTENT, *READY)})",
        "a prescription that is ready to sign is not changed",
    ),
    (
        PRESCRIPTION, "frozen_once_signed_or_given_up", "UPDATE",
        "OLD.status NOT IN ('draft', 'ready')"
        f" AND ({triggers.changed(*CONTENT, *SIGNATURE)})",
        "a signed prescription is not changed",
    ),
]  # fmt: skip


class Migration(migrations.Migration):
    """What a prescription of content format 2 says more, and is frozen with the rest."""

    dependencies = [
        ("prescriptions", "0002_guards"),
        ("providers", "0002_owners_stay"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        *triggers.set_aside(
            migrations.AddField(
                model_name='prescription',
                name='emergency_oral_on',
                field=models.DateField(blank=True, null=True, verbose_name='date of the emergency oral order'),
            ),
            migrations.AddField(
                model_name='prescription',
                name='partial_fill_quantity',
                field=models.DecimalField(blank=True, decimal_places=3, max_digits=9, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.001'), 'Enter how much at a time.')], verbose_name='quantity of each partial fill'),
            ),
            migrations.AddField(
                model_name='prescription',
                name='supervisor',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='supervised_prescriptions', to='providers.provider'),
            ),
            migrations.AddConstraint(
                model_name='prescription',
                constraint=models.CheckConstraint(condition=models.Q(('partial_fill_quantity', None), ('partial_fill_quantity__gt', 0), _connector='OR'), name='prescription_partial_fill_positive'),
            ),
            migrations.AddConstraint(
                model_name='prescription',
                constraint=models.CheckConstraint(condition=models.Q(('status__in', ['draft', 'discarded']), ('schedule', 'II'), models.Q(('emergency_oral_on', None), ('partial_fill_quantity', None)), _connector='OR'), name='prescription_emergency_and_partial_fill_of_schedule_ii'),
            ),
        ),
        triggers.guards(*FROZEN),
    ]
