from datetime import date

import providers.identifiers
from django.db import migrations, models

CHECKED_ON = date(2026, 11, 23)
# Switched off, all of them: what these limits look like, not what the law is.
EXAMPLES = [
    {
        "state": "NY",
        "schedule": "II",
        "most_days_supply": 30,
        "series_allowed": False,
        "source": "NY Public Health Law 3332(3)",
        "remarks": "Example; check your State’s law. A thirty-day supply, and no "
        "further prescription within thirty days until all but seven days’ supply is "
        "used up. Up to three months are possible for conditions that the commissioner "
        "lists and the prescription names: this switch does not know them.",
    },
    {
        "state": "HI",
        "schedule": "II",
        "fill_within_days": 7,
        "source": "Hawaii, according to opioidrisk.com/node/631",
        "remarks": "Example from a secondary source; check your State’s law. To be "
        "filled within seven days of issue.",
    },
    {
        "state": "VA",
        "schedule": "II",
        "fill_within_days": 180,
        "source": "Virginia, according to opioidrisk.com/node/631",
        "remarks": "Example from a secondary source; check your State’s law. To be "
        "filled within six months of issue, here the shortest six months, rounded down.",
    },
]


def add_examples(apps, schema_editor):
    model = apps.get_model("prescriptions", "StateRule")
    for example in EXAMPLES:
        model.objects.create(**example, is_active=False, checked_on=CHECKED_ON)


class Migration(migrations.Migration):

    dependencies = [
        ('prescriptions', '0007_messages_and_paper'),
    ]

    operations = [
        migrations.CreateModel(
            name='StateRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(max_length=2, validators=[providers.identifiers.validate_state])),
                ('schedule', models.CharField(choices=[('II', 'Schedule II'), ('III', 'Schedule III'), ('IV', 'Schedule IV'), ('V', 'Schedule V')], max_length=3)),
                ('most_days_supply', models.PositiveSmallIntegerField(blank=True, help_text='Of one prescription. Empty: no limit.', null=True, verbose_name='most days’ supply')),
                ('fill_within_days', models.PositiveSmallIntegerField(blank=True, help_text='After the issue. Empty: no limit but the federal one.', null=True, verbose_name='days until the first filling')),
                ('series_allowed', models.BooleanField(default=True, help_text='Schedule II, up to 90 days in all (21 CFR 1306.12(b)).', verbose_name='several prescriptions of one drug at once')),
                ('source', models.CharField(help_text='The law, as prescribers will read it: NY PHL 3332(3).', max_length=200)),
                ('checked_on', models.DateField(help_text='The day on which somebody last looked the law up.')),
                ('remarks', models.TextField(blank=True, max_length=1000)),
                ('is_active', models.BooleanField(default=False, help_text='Check your State’s law first; what is here is an example.', verbose_name='switched on')),
            ],
            options={
                'ordering': ['state', 'schedule', 'pk'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('is_active', True)), fields=('state', 'schedule'), name='state_rule_one_in_force_per_schedule', violation_error_message='Another rule for this State and schedule is switched on. Switch that one off first.'), models.CheckConstraint(condition=models.Q(('schedule__in', ['II', 'III', 'IV', 'V'])), name='state_rule_schedule_known'), models.CheckConstraint(condition=models.Q(models.Q(('most_days_supply', None), ('most_days_supply__gt', 0), _connector='OR'), models.Q(('fill_within_days', None), ('fill_within_days__gt', 0), _connector='OR')), name='state_rule_days_positive', violation_error_message='A limit is at least one day, or empty.')],
            },
        ),
        migrations.RunPython(add_examples, migrations.RunPython.noop),
    ]
