import django.db.models.deletion
import django.utils.timezone
import prescriptions.models.outbox
import providers.identifiers
import uuid
from django.conf import settings
from django.db import migrations, models

from foundation import triggers

PRESCRIPTION = "prescriptions_prescription"
RECORD = "prescriptions_signedrecord"
TRANSMISSION = "prescriptions_transmission"
CANCELLATION = "prescriptions_cancellation"
PRINTOUT = "prescriptions_printout"
RECEIVED = "prescriptions_receivedmessage"
REQUEST = "prescriptions_pharmacyrequest"
TRANSITIONS = {
    "draft": ["ready", "discarded", "printed"],
    "ready": ["draft", "signed", "discarded", "printed"],
    "signed": ["queued", "cancelled"],
    "queued": ["transmitted", "failed", "cancelled"],
    "transmitted": ["delivered", "failed", "cancelled"],
    "delivered": ["cancelled"],
    "failed": ["printed"],
}
ALLOWED = " OR ".join(
    f"(OLD.status = '{before}' AND NEW.status IN ("
    + ", ".join(f"'{one}'" for one in after)
    + "))"
    for before, after in TRANSITIONS.items()
)
MESSAGE = [
    "id", "public_id", "prescription_id", "cancellation_id", "request_id", "version",
    "message_id", "xml", "created_at",
]  # fmt: skip
ASKED = [
    "id", "public_id", "message_id", "prescription_id", "kind", "code", "wanted_drug",
    "wanted_quantity", "wanted_refills", "wanted_directions", "note", "received_at",
]  # fmt: skip
TAKEN_BACK = ["id", "prescription_id", "cancelled_by_id", "cancelled_at", "reason"]
GUARDS = [
    (
        PRESCRIPTION, "takes_allowed_steps", "UPDATE",
        f"OLD.status <> NEW.status AND NOT ({ALLOWED})",
        "this change of status is not allowed",
    ),
    (
        TRANSMISSION, "follows_a_signature", "INSERT",
        "NEW.state <> 'waiting'"
        " OR (NEW.prescription_id IS NOT NULL AND NOT EXISTS ("
        f"SELECT 1 FROM {RECORD} r WHERE r.prescription_id = NEW.prescription_id))"
        " OR (NEW.cancellation_id IS NOT NULL AND NOT EXISTS ("
        f"SELECT 1 FROM {CANCELLATION} c"
        f" JOIN {RECORD} r ON r.prescription_id = c.prescription_id"
        f" JOIN {PRESCRIPTION} p ON p.id = c.prescription_id"
        " WHERE c.id = NEW.cancellation_id AND p.status = 'cancelled'))",
        "a message is written for a signed prescription",
    ),
    (
        TRANSMISSION, "message_frozen", "UPDATE",
        triggers.changed(*MESSAGE), "a message is sent as it was written",
    ),
    (
        TRANSMISSION, "end_is_final", "UPDATE",
        "OLD.state IN ('delivered', 'failed', 'withdrawn')"
        " OR (OLD.state = 'transmitted'"
        " AND NEW.state IN ('waiting', 'sending', 'withdrawn'))",
        "a message that was answered is not sent again",
    ),
    *triggers.kept(
        TRANSMISSION, "id", "public_id", "prescription_id", "cancellation_id",
        "request_id", "message_id",
    ),
    *triggers.kept(CANCELLATION, "id", "prescription_id"),
    (
        CANCELLATION, "frozen", "UPDATE",
        f"{triggers.changed(*TAKEN_BACK)} OR (OLD.is_approved IS NOT NULL"
        f" AND ({triggers.changed('is_approved', 'answer', 'answered_at')}))",
        "a cancellation is answered once and not changed",
    ),
    *triggers.kept(PRINTOUT, "id", "public_id"),
    (PRINTOUT, "frozen", "UPDATE", "1 = 1", "what was printed is not changed"),
    (
        PRINTOUT, "original_only_on_paper", "INSERT",
        "NEW.kind <> 'copy' AND NOT EXISTS ("
        f"SELECT 1 FROM {PRESCRIPTION} p"
        " WHERE p.id = NEW.prescription_id AND p.status = 'printed')",
        "an original is printed of a prescription that is not sent",
    ),
    (RECEIVED, "kept", "DELETE", "1 = 1", f"{RECEIVED} is kept"),
    (
        RECEIVED, "never_replaced", "INSERT",
        f"EXISTS (SELECT 1 FROM {RECEIVED} kept WHERE kept.id = NEW.id"
        " OR (kept.sender = NEW.sender AND kept.message_id = NEW.message_id))",
        f"{RECEIVED} is never replaced",
    ),
    (RECEIVED, "frozen", "UPDATE", "1 = 1", "a received message is not changed"),
    *triggers.kept(REQUEST, "id", "public_id", "message_id", "draft_id"),
    (
        REQUEST, "frozen", "UPDATE",
        f"{triggers.changed(*ASKED)} OR OLD.state IN ('denied', 'answered')",
        "a request is decided once and not changed",
    ),
]  # fmt: skip


class Migration(migrations.Migration):
    """Cancellations, paper, and what pharmacies say by themselves."""

    dependencies = [
        ('prescriptions', '0006_drug_data'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [*triggers.set_aside(
        migrations.CreateModel(
            name='Cancellation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cancelled_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('reason', models.CharField(max_length=200)),
                ('is_approved', models.BooleanField(null=True)),
                ('answer', models.CharField(blank=True, max_length=200)),
                ('answered_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='PharmacyRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('kind', models.CharField(choices=[('renewal', 'Renewal'), ('change', 'Change')], max_length=7)),
                ('code', models.CharField(blank=True, max_length=10)),
                ('wanted_drug', models.CharField(blank=True, max_length=105)),
                ('wanted_quantity', models.CharField(blank=True, max_length=11)),
                ('wanted_refills', models.CharField(blank=True, max_length=2)),
                ('wanted_directions', models.TextField(blank=True, max_length=1000)),
                ('note', models.CharField(blank=True, max_length=210)),
                ('state', models.CharField(choices=[('open', 'Waiting for the practitioner'), ('denied', 'Denied'), ('writing', 'A new prescription is being written'), ('answered', 'Answered with a new prescription')], default='open', max_length=8)),
                ('decided_at', models.DateTimeField(null=True)),
                ('reason', models.CharField(blank=True, max_length=70)),
                ('received_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'ordering': ['-received_at', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='Printout',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('kind', models.CharField(choices=[('copy', 'Copy'), ('original', 'Original'), ('after-failure', 'Original after a failed transmission'), ('reprint', 'Reprint of the original')], max_length=13)),
                ('number', models.PositiveIntegerField()),
                ('content', models.JSONField()),
                ('printed_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='ReceivedMessage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sender', models.CharField(max_length=35)),
                ('message_id', models.CharField(max_length=35)),
                ('kind', models.CharField(max_length=35)),
                ('digest', models.CharField(max_length=64)),
                ('content', models.BinaryField()),
                ('answer', models.BinaryField()),
                ('received_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='transmission',
            name='transmission_state_known',
        ),
        migrations.AddField(
            model_name='pharmacy',
            name='schedules',
            field=models.CharField(default='II,III,IV,V', help_text='Separated by commas: II,III,IV,V', max_length=20, validators=[providers.identifiers.validate_schedules], verbose_name='schedules that it fills'),
        ),
        migrations.AddField(
            model_name='transmission',
            name='version',
            field=models.CharField(default="2017071", max_length=7, verbose_name='version of SCRIPT'),
        ),
        migrations.AlterField(
            model_name='transmission',
            name='version',
            field=models.CharField(default=prescriptions.models.outbox.version_of_the_network, max_length=7, verbose_name='version of SCRIPT'),
        ),
        migrations.AlterField(
            model_name='transmission',
            name='prescription',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='transmission', to='prescriptions.prescription'),
        ),
        migrations.AlterField(
            model_name='transmission',
            name='state',
            field=models.CharField(choices=[('waiting', 'Waiting to be sent'), ('sending', 'Being sent'), ('transmitted', 'Taken by the network'), ('delivered', 'Accepted by the pharmacy'), ('failed', 'Given up or refused'), ('withdrawn', 'Taken back, not sent again')], default='waiting', max_length=12),
        ),
        migrations.AddField(
            model_name='cancellation',
            name='cancelled_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='cancellation',
            name='prescription',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='cancellation', to='prescriptions.prescription'),
        ),
        migrations.AddField(
            model_name='transmission',
            name='cancellation',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='message', to='prescriptions.cancellation'),
        ),
        migrations.AddField(
            model_name='pharmacyrequest',
            name='decided_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='pharmacyrequest',
            name='draft',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='answers_request', to='prescriptions.prescription'),
        ),
        migrations.AddField(
            model_name='pharmacyrequest',
            name='prescription',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='requests', to='prescriptions.prescription'),
        ),
        migrations.AddField(
            model_name='transmission',
            name='request',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='response', to='prescriptions.pharmacyrequest'),
        ),
        migrations.AddConstraint(
            model_name='transmission',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'sending', 'transmitted', 'delivered', 'failed', 'withdrawn'])), name='transmission_state_known'),
        ),
        migrations.AddConstraint(
            model_name='transmission',
            constraint=models.CheckConstraint(condition=models.Q(('version__in', ['2017071', '2023011'])), name='transmission_version_known'),
        ),
        migrations.AddConstraint(
            model_name='transmission',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('cancellation', None), ('prescription__isnull', False), ('request', None)), models.Q(('cancellation__isnull', False), ('prescription', None), ('request', None)), models.Q(('cancellation', None), ('prescription', None), ('request__isnull', False)), _connector='OR'), name='transmission_is_about_one_thing'),
        ),
        migrations.AddField(
            model_name='printout',
            name='prescription',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='printouts', to='prescriptions.prescription'),
        ),
        migrations.AddField(
            model_name='printout',
            name='printed_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='receivedmessage',
            constraint=models.UniqueConstraint(fields=('sender', 'message_id'), name='received_message_once'),
        ),
        migrations.AddField(
            model_name='pharmacyrequest',
            name='message',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='request', to='prescriptions.receivedmessage'),
        ),
        migrations.AddConstraint(
            model_name='cancellation',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='cancellation_has_a_reason'),
        ),
        migrations.AddConstraint(
            model_name='cancellation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('answered_at', None), ('is_approved', None)), models.Q(('answered_at__isnull', False), ('is_approved__isnull', False)), _connector='OR'), name='cancellation_answered_with_its_time'),
        ),
        migrations.AddConstraint(
            model_name='printout',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['copy', 'original', 'after-failure', 'reprint'])), name='printout_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='printout',
            constraint=models.UniqueConstraint(fields=('prescription', 'kind', 'number'), name='printout_counted'),
        ),
        migrations.AddConstraint(
            model_name='printout',
            constraint=models.UniqueConstraint(condition=models.Q(('kind__in', ['original', 'after-failure'])), fields=('prescription',), name='printout_one_original'),
        ),
        migrations.AddConstraint(
            model_name='pharmacyrequest',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['renewal', 'change'])), name='pharmacy_request_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='pharmacyrequest',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('decided_at', None), ('decided_by', None), ('draft', None), ('reason', ''), ('state', 'open')), models.Q(('decided_at__isnull', False), ('decided_by__isnull', False), ('draft__isnull', False), ('reason', ''), ('state__in', ['writing', 'answered'])), models.Q(('decided_at__isnull', False), ('decided_by__isnull', False), ('draft', None), ('state', 'denied'), models.Q(('reason', ''), _negated=True)), _connector='OR'), name='pharmacy_request_decided_by_somebody'),
        ),
    ), triggers.guards(*GUARDS)]
