import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models

from foundation import triggers

LOG = "prescriptions_prescriptionlog"
REPUDIATION = "prescriptions_repudiation"
EXPORT = "prescriptions_export"
BUNDLE = "prescriptions_importedbundle"
RECORD = "prescriptions_importedrecord"
WRITTEN = [
    "id", "public_id", "kind", "provider_id", "practice_id", "first_day", "last_day",
    "payload", "digest", "entries", "made_at", "due_on",
]  # fmt: skip
ASKED = [
    "id", "public_id", "requested_by_id", "requested_at", "practice_id", "provider_id",
    "first_day", "last_day",
]  # fmt: skip
AT_ONCE = " OR ".join(
    f"(OLD.{fact} IS NOT NULL AND OLD.{fact} {{differs}} NEW.{fact})"
    for fact in ["mailed_at", "opened_at", "overdue_at", "confirmed_at"]
)
GUARDS = [
    *triggers.kept(LOG, "id", "public_id"),
    (LOG, "frozen", "UPDATE", triggers.changed(*WRITTEN), "an archived log is not changed"),
    (LOG, "told_once", "UPDATE", AT_ONCE, "what was noted of a log is not changed"),
    (
        LOG, "once_a_month", "INSERT",
        f"NEW.kind = 'monthly' AND EXISTS (SELECT 1 FROM {LOG} kept"
        " WHERE kept.kind = 'monthly' AND kept.provider_id = NEW.provider_id"
        " AND kept.practice_id = NEW.practice_id AND kept.first_day = NEW.first_day)",
        "the log of a month is made once",
    ),
    *triggers.kept(REPUDIATION, "id", "public_id", "prescription_id", "incident_id"),
    (REPUDIATION, "frozen", "UPDATE", "1 = 1", "a report is not changed"),
    *triggers.kept(EXPORT, "id", "public_id"),
    (EXPORT, "frozen", "UPDATE", triggers.changed(*ASKED), "what was asked for is not changed"),
    *triggers.kept(BUNDLE, "id", "public_id"),
    (BUNDLE, "frozen", "UPDATE", "1 = 1", "an imported bundle is not changed"),
    *triggers.kept(RECORD, "id", "prescription_id"),
    (RECORD, "frozen", "UPDATE", "1 = 1", "an imported record is not changed"),
]  # fmt: skip


class Migration(migrations.Migration):
    """Logs, exports and imports are kept as they were written (21 CFR 1311.305)."""

    dependencies = [
        ('audit', '0003_incidents'),
        ('prescriptions', '0003_format_two'),
        ('providers', '0002_owners_stay'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ImportedBundle',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('seal', models.TextField()),
                ('manifest_digest', models.CharField(max_length=64)),
                ('key_thumbprint', models.CharField(max_length=64)),
                ('source', models.CharField(max_length=200)),
                ('made_at', models.DateTimeField()),
                ('imported_at', models.DateTimeField()),
                ('practice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='providers.practice')),
            ],
            options={
                'ordering': ['-imported_at', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='ImportedRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('prescription_id', models.UUIDField(unique=True)),
                ('payload', models.TextField()),
                ('payload_digest', models.CharField(max_length=64)),
                ('jws', models.TextField(verbose_name='JWS')),
                ('key', models.JSONField()),
                ('xml', models.BinaryField(null=True)),
                ('events', models.TextField(blank=True)),
                ('patient_name', models.CharField(max_length=80)),
                ('date_of_birth', models.DateField()),
                ('drug', models.CharField(max_length=200)),
                ('schedule', models.CharField(max_length=3)),
                ('prescriber', models.CharField(max_length=100)),
                ('dea_number', models.CharField(max_length=60)),
                ('issued_on', models.DateField()),
                ('bundle', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='records', to='prescriptions.importedbundle')),
                ('practice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='imported_records', to='providers.practice')),
            ],
            options={
                'ordering': ['-issued_on', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='PrescriptionLog',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('kind', models.CharField(choices=[('monthly', 'Monthly'), ('on_demand', 'On demand')], max_length=10)),
                ('first_day', models.DateField()),
                ('last_day', models.DateField()),
                ('payload', models.TextField()),
                ('digest', models.CharField(max_length=64)),
                ('entries', models.PositiveIntegerField()),
                ('made_at', models.DateTimeField()),
                ('due_on', models.DateField(null=True)),
                ('mailed_at', models.DateTimeField(null=True)),
                ('opened_at', models.DateTimeField(null=True)),
                ('overdue_at', models.DateTimeField(null=True)),
                ('confirmed_at', models.DateTimeField(null=True)),
                ('practice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='prescription_logs', to='providers.practice')),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='prescription_logs', to='providers.provider')),
            ],
            options={
                'ordering': ['-first_day', '-made_at', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='Repudiation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('kind', models.CharField(choices=[('not_signed', 'I did not sign this prescription'), ('differs', 'It differs from what I signed')], max_length=10)),
                ('reason', models.CharField(max_length=500)),
                ('reported_at', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('incident', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='repudiation', to='audit.incident')),
                ('prescription', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='repudiation', to='prescriptions.prescription')),
                ('reported_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='repudiations', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-reported_at', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='Export',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('requested_at', models.DateTimeField()),
                ('first_day', models.DateField(null=True)),
                ('last_day', models.DateField(null=True)),
                ('state', models.CharField(choices=[('waiting', 'Waiting to be made'), ('running', 'Being made'), ('done', 'Ready to download'), ('failed', 'Could not be made'), ('removed', 'Removed from the server')], default='waiting', max_length=10)),
                ('total', models.PositiveIntegerField(default=0)),
                ('done', models.PositiveIntegerField(default=0)),
                ('moved_at', models.DateTimeField()),
                ('size', models.PositiveBigIntegerField(default=0)),
                ('digest', models.CharField(blank=True, max_length=64)),
                ('downloaded_at', models.DateTimeField(null=True)),
                ('practice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='exports', to='providers.practice')),
                ('provider', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='exports', to='providers.provider')),
                ('requested_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='exports', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-requested_at', '-pk'],
                'indexes': [models.Index(condition=models.Q(('state__in', ['waiting', 'running'])), fields=['moved_at'], name='export_under_way')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'running', 'done', 'failed', 'removed'])), name='export_state_known'), models.CheckConstraint(condition=models.Q(('first_day', None), ('last_day', None), ('first_day__lte', models.F('last_day')), _connector='OR'), name='export_of_some_days'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'done'), _negated=True), models.Q(('digest', ''), _negated=True), _connector='OR'), name='export_sealed_once_done')],
            },
        ),
        migrations.AddConstraint(
            model_name='importedbundle',
            constraint=models.UniqueConstraint(fields=('practice', 'manifest_digest'), name='imported_bundle_once_per_practice'),
        ),
        migrations.AddIndex(
            model_name='importedrecord',
            index=models.Index(fields=['practice', '-issued_on'], name='imported_record_of_practice'),
        ),
        migrations.AddIndex(
            model_name='prescriptionlog',
            index=models.Index(condition=models.Q(('mailed_at', None), ('opened_at', None)), fields=['due_on'], name='prescription_log_to_deliver'),
        ),
        migrations.AddConstraint(
            model_name='prescriptionlog',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['monthly', 'on_demand'])), name='prescription_log_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='prescriptionlog',
            constraint=models.CheckConstraint(condition=models.Q(('first_day__lte', models.F('last_day'))), name='prescription_log_of_some_days'),
        ),
        migrations.AddConstraint(
            model_name='prescriptionlog',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('payload', ''), _negated=True), models.Q(('digest', ''), _negated=True)), name='prescription_log_sealed'),
        ),
        migrations.AddConstraint(
            model_name='prescriptionlog',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('due_on__isnull', False), ('kind', 'monthly')), models.Q(('due_on', None), ('kind', 'on_demand')), _connector='OR'), name='prescription_log_due_when_monthly'),
        ),
        migrations.AddConstraint(
            model_name='prescriptionlog',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'monthly')), fields=('provider', 'practice', 'first_day'), name='prescription_log_once_a_month'),
        ),
        migrations.AddConstraint(
            model_name='repudiation',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['not_signed', 'differs'])), name='repudiation_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='repudiation',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='repudiation_says_why'),
        ),
        triggers.guards(*GUARDS),
    ]
