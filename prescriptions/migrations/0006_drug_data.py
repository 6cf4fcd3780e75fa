import re

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from foundation import triggers

PRODUCT, PACKAGE, TASK = (
    f"prescriptions_{name}" for name in ["drugproduct", "drugpackage", "reviewtask"]
)
WORD = re.compile(r"[a-z]+|[0-9]+(?:\.[0-9]+)?")


def find_what_is_there(apps, schema_editor):
    """Let the search find every drug from the first minute on."""
    word = apps.get_model("prescriptions", "DrugWord")
    for drug in apps.get_model("prescriptions", "Drug").objects.all():
        words = set(WORD.findall(f"{drug.name} {drug.substance}".lower()))
        word.objects.bulk_create(
            word(drug=drug, word=one[:40].encode()) for one in sorted(words)
        )


class Migration(migrations.Migration):

    dependencies = [
        ('prescriptions', '0005_signing_module'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = triggers.set_aside(
        migrations.CreateModel(
            name='DrugPackage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ndc', models.CharField(db_index=True, max_length=12, verbose_name='NDC')),
                ('as_written', models.CharField(max_length=14, verbose_name='NDC with hyphens')),
                ('description', models.CharField(max_length=500)),
                ('is_sample', models.BooleanField(default=False)),
                ('retired_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': 'NDC package',
                'ordering': ['ndc', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='DrugProduct',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('product_id', models.CharField(max_length=64, unique=True, verbose_name='product id')),
                ('product_ndc', models.CharField(db_index=True, max_length=12, verbose_name='product NDC')),
                ('product_type', models.CharField(max_length=60)),
                ('proprietary_name', models.CharField(blank=True, max_length=300)),
                ('labeler', models.CharField(max_length=200)),
                ('marketing_category', models.CharField(blank=True, max_length=100)),
                ('marketed_from', models.DateField(null=True)),
                ('marketed_until', models.DateField(null=True)),
                ('reported_schedule', models.CharField(blank=True, choices=[('II', 'Schedule II'), ('III', 'Schedule III'), ('IV', 'Schedule IV'), ('V', 'Schedule V')], max_length=3, verbose_name='schedule as reported')),
                ('schedule', models.CharField(choices=[('II', 'Schedule II'), ('III', 'Schedule III'), ('IV', 'Schedule IV'), ('V', 'Schedule V')], max_length=3)),
                ('row_digest', models.CharField(max_length=64)),
                ('retired_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': 'NDC product',
                'ordering': ['product_ndc', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='DrugWord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('word', models.BinaryField(max_length=40)),
            ],
        ),
        migrations.CreateModel(
            name='ImportRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64)),
                ('source', models.CharField(max_length=255)),
                ('state', models.CharField(choices=[('running', 'Under way, or killed and to be run again'), ('finished', 'Finished'), ('failed', 'Stopped by a problem'), ('superseded', 'Given up for another file')], default='running', max_length=10)),
                ('stage', models.CharField(choices=[('products', 'Reading product.txt'), ('packages', 'Reading package.txt'), ('retiring', 'Retiring what vanished'), ('drugs', 'Bringing drugs up to date'), ('done', 'Done')], default='products', max_length=10)),
                ('position', models.PositiveBigIntegerField(default=0)),
                ('lines', models.PositiveBigIntegerField(default=0)),
                ('counts', models.JSONField(default=dict)),
                ('problem', models.CharField(blank=True, max_length=300)),
                ('started_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('updated_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('finished_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': 'NDC import',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='RefusedRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('file', models.CharField(max_length=20)),
                ('line', models.PositiveIntegerField()),
                ('product', models.CharField(blank=True, max_length=64)),
                ('reason', models.CharField(max_length=300)),
            ],
            options={
                'ordering': ['run', 'file', 'line'],
            },
        ),
        migrations.CreateModel(
            name='ReviewTask',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('product_ndc', models.CharField(max_length=12, verbose_name='product NDC')),
                ('labeler', models.CharField(max_length=200)),
                ('old_schedule', models.CharField(blank=True, choices=[('II', 'Schedule II'), ('III', 'Schedule III'), ('IV', 'Schedule IV'), ('V', 'Schedule V')], max_length=3)),
                ('new_schedule', models.CharField(blank=True, choices=[('II', 'Schedule II'), ('III', 'Schedule III'), ('IV', 'Schedule IV'), ('V', 'Schedule V')], max_length=3)),
                ('reason', models.CharField(max_length=300)),
                ('opened_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('decision', models.CharField(choices=[('open', 'Open'), ('accepted', 'New schedule accepted'), ('kept', 'Old schedule kept')], default='open', max_length=8)),
                ('decided_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': 'review of a schedule',
                'verbose_name_plural': 'reviews of schedules',
                'ordering': ['-decision', '-opened_at', '-pk'],
            },
        ),
        migrations.AddField(
            model_name='drug',
            name='brands',
            field=models.CharField(blank=True, max_length=200, verbose_name='brand names'),
        ),
        migrations.AddField(
            model_name='drug',
            name='key',
            field=models.CharField(editable=False, max_length=400, null=True, unique=True),
        ),
        migrations.AddField(
            model_name='drug',
            name='source',
            field=models.CharField(choices=[('formulary', 'Formulary of the portal'), ('ndc', "FDA's NDC directory")], default='formulary', editable=False, max_length=9),
        ),
        migrations.AddField(
            model_name='drug',
            name='unavailable',
            field=models.CharField(blank=True, editable=False, max_length=200, verbose_name='cannot be prescribed because'),
        ),
        migrations.AlterField(
            model_name='drug',
            name='substance',
            field=models.CharField(max_length=255),
        ),
        migrations.AddConstraint(
            model_name='drug',
            constraint=models.CheckConstraint(condition=models.Q(('source__in', ['formulary', 'ndc'])), name='drug_source_known'),
        ),
        migrations.AddConstraint(
            model_name='drug',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('unavailable', ''), _negated=True), models.Q(models.Q(('unit', ''), _negated=True), models.Q(('unit_code', ''), _negated=True)), _connector='OR'), name='drug_counted_in_a_unit_if_available'),
        ),
        migrations.AddField(
            model_name='drugproduct',
            name='drug',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='products', to='prescriptions.drug'),
        ),
        migrations.AddField(
            model_name='drugpackage',
            name='product',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='packages', to='prescriptions.drugproduct'),
        ),
        migrations.AddField(
            model_name='drugword',
            name='drug',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='words', to='prescriptions.drug'),
        ),
        migrations.AddConstraint(
            model_name='importrun',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['running', 'finished', 'failed', 'superseded'])), name='import_run_state_known'),
        ),
        migrations.AddConstraint(
            model_name='importrun',
            constraint=models.CheckConstraint(condition=models.Q(('stage__in', ['products', 'packages', 'retiring', 'drugs', 'done'])), name='import_run_stage_known'),
        ),
        migrations.AddConstraint(
            model_name='importrun',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'running')), fields=('state',), name='import_run_one_at_a_time'),
        ),
        migrations.AddConstraint(
            model_name='importrun',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', False), ('stage', 'done'), ('state', 'finished')), models.Q(models.Q(('state', 'finished'), _negated=True), ('finished_at', None)), _connector='OR'), name='import_run_finished_when_done'),
        ),
        migrations.AddField(
            model_name='drugproduct',
            name='seen_in',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='prescriptions.importrun'),
        ),
        migrations.AddField(
            model_name='drugpackage',
            name='seen_in',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='prescriptions.importrun'),
        ),
        migrations.AddField(
            model_name='refusedrow',
            name='run',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='refused_rows', to='prescriptions.importrun'),
        ),
        migrations.AddField(
            model_name='reviewtask',
            name='decided_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='reviewtask',
            name='drug',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='review_tasks', to='prescriptions.drug'),
        ),
        migrations.AddField(
            model_name='reviewtask',
            name='run',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='review_tasks', to='prescriptions.importrun'),
        ),
        migrations.AddIndex(
            model_name='drugword',
            index=models.Index(fields=['word', 'drug'], name='drug_word_finds_drugs'),
        ),
        migrations.AddConstraint(
            model_name='drugword',
            constraint=models.UniqueConstraint(fields=('drug', 'word'), name='drug_word_once_for_a_drug'),
        ),
        migrations.AddConstraint(
            model_name='drugproduct',
            constraint=models.CheckConstraint(condition=models.Q(('schedule__in', ['II', 'III', 'IV', 'V']), ('reported_schedule__in', ['', 'II', 'III', 'IV', 'V'])), name='drug_product_schedule_known'),
        ),
        migrations.AddConstraint(
            model_name='drugpackage',
            constraint=models.UniqueConstraint(fields=('product', 'ndc'), name='drug_package_once_in_a_product'),
        ),
        migrations.AddConstraint(
            model_name='refusedrow',
            constraint=models.UniqueConstraint(fields=('run', 'file', 'line'), name='refused_row_once_in_a_run'),
        ),
        migrations.AddConstraint(
            model_name='reviewtask',
            constraint=models.CheckConstraint(condition=models.Q(('decision__in', ['open', 'accepted', 'kept'])), name='review_task_decision_known'),
        ),
        migrations.AddConstraint(
            model_name='reviewtask',
            constraint=models.CheckConstraint(condition=models.Q(('old_schedule__in', ['', 'II', 'III', 'IV', 'V']), ('new_schedule__in', ['', 'II', 'III', 'IV', 'V'])), name='review_task_schedules_known'),
        ),
        migrations.AddConstraint(
            model_name='reviewtask',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('decided_at', None), ('decided_by', None), ('decision', 'open')), models.Q(models.Q(('decision', 'open'), _negated=True), ('decided_at__isnull', False), ('decided_by__isnull', False)), _connector='OR'), name='review_task_decided_by_somebody'),
        ),
        migrations.AddConstraint(
            model_name='reviewtask',
            constraint=models.UniqueConstraint(condition=models.Q(('decision', 'open')), fields=('drug', 'old_schedule', 'new_schedule'), name='review_task_one_open_for_a_change'),
        ),
    ) + [
        migrations.RunPython(find_what_is_there, migrations.RunPython.noop),
        triggers.guards(
            triggers.kept(PRODUCT, "id")[0],
            triggers.kept(PACKAGE, "id")[0],
            *triggers.kept(TASK, "id"),
            (
                TASK, "decision_is_final", "UPDATE", "OLD.decision <> 'open'",
                "a review that was decided is not changed",
            ),
        ),
    ]
