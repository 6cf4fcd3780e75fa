import django.db.models.deletion
import django.utils.timezone
import providers.identifiers
import uuid
from django.conf import settings
from django.db import migrations, models

from foundation import triggers

DESIGNEE = "providers_designee"
REGISTRATION = "providers_dearegistration"
GUARDS = [
    *triggers.kept(DESIGNEE, "id"),
    (
        DESIGNEE, "stays_with_whom_it_names", "UPDATE",
        triggers.changed("user_id", "practice_id", "named_by_id", "since")
        + " OR OLD.until IS NOT NULL",
        "this stays with whom it was given to",
    ),
    *(
        (
            REGISTRATION, f"of_institution_on_{event.lower()}", event,
            "NEW.institution_id IS NOT NULL AND NEW.number <> (SELECT dea_number"
            " FROM providers_institution WHERE id = NEW.institution_id)",
            "the DEA number is not that of the institution",
        )
        for event in ("INSERT", "UPDATE")
    ),
]  # fmt: skip


class Migration(migrations.Migration):
    """21 CFR 1311.125(a), 1301.22(c): who sets access, and institutions' numbers."""

    dependencies = [
        ('providers', '0002_owners_stay'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        *triggers.set_aside(
            migrations.CreateModel(
                name='Designee',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('since', models.DateTimeField(default=django.utils.timezone.now)),
                    ('until', models.DateTimeField(null=True)),
                ],
                options={
                    'ordering': ['since', 'pk'],
                },
            ),
            migrations.CreateModel(
                name='Institution',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('address_line_1', models.CharField(max_length=40, verbose_name='address')),
                    ('address_line_2', models.CharField(blank=True, max_length=40, verbose_name='address, second line')),
                    ('city', models.CharField(max_length=35)),
                    ('state', models.CharField(max_length=2, validators=[providers.identifiers.validate_state])),
                    ('postal_code', models.CharField(max_length=10, validators=[providers.identifiers.validate_postal_code], verbose_name='ZIP code')),
                    ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                    ('name', models.CharField(max_length=70)),
                    ('dea_number', models.CharField(max_length=9, unique=True, validators=[providers.identifiers.validate_dea_number], verbose_name='DEA number')),
                    ('expires_on', models.DateField()),
                    ('ended_on', models.DateField(blank=True, help_text='The day it was surrendered, suspended or revoked.', null=True)),
                ],
                options={
                    'ordering': ['name'],
                },
            ),
            migrations.RemoveConstraint(
                model_name='dearegistration',
                name='dea_registration_number_once',
            ),
            migrations.AddField(
                model_name='dearegistration',
                name='internal_code',
                field=models.CharField(blank=True, help_text="The practitioner's own code at the institution (21 CFR 1301.22(c)).", max_length=10, validators=[providers.identifiers.validate_internal_code]),
            ),
            migrations.AddField(
                model_name='designee',
                name='ended_by',
                field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
            ),
            migrations.AddField(
                model_name='designee',
                name='named_by',
                field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
            ),
            migrations.AddField(
                model_name='designee',
                name='practice',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='designees', to='providers.practice'),
            ),
            migrations.AddField(
                model_name='designee',
                name='user',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='designations', to=settings.AUTH_USER_MODEL),
            ),
            migrations.AddField(
                model_name='dearegistration',
                name='institution',
                field=models.ForeignKey(blank=True, help_text='Only if the DEA number is that of an institution.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='registrations', to='providers.institution'),
            ),
            migrations.AddField(
                model_name='practice',
                name='institution',
                field=models.ForeignKey(blank=True, help_text='The institution that this location belongs to, if there is one.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='practices', to='providers.institution'),
            ),
            migrations.AddConstraint(
                model_name='dearegistration',
                constraint=models.UniqueConstraint(condition=models.Q(('institution', None)), fields=('number',), name='dea_registration_number_once'),
            ),
            migrations.AddConstraint(
                model_name='dearegistration',
                constraint=models.UniqueConstraint(condition=models.Q(('institution__isnull', False)), fields=('institution', 'internal_code'), name='dea_registration_internal_code_once'),
            ),
            migrations.AddConstraint(
                model_name='dearegistration',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('institution', None), ('internal_code', '')), models.Q(('institution__isnull', False), models.Q(('internal_code', ''), _negated=True)), _connector='OR'), name='dea_registration_of_institution_has_a_code', violation_error_message='Enter the internal code together with the institution: one without the other is not a registration.'),
            ),
            migrations.AddConstraint(
                model_name='designee',
                constraint=models.UniqueConstraint(condition=models.Q(('until', None)), fields=('user', 'practice'), name='designee_current_once_per_practice'),
            ),
            migrations.AddConstraint(
                model_name='designee',
                constraint=models.CheckConstraint(condition=models.Q(('until', None), ('until__gte', models.F('since')), _connector='OR'), name='designee_ends_after_the_beginning'),
            ),
        ),
        triggers.guards(*GUARDS),
    ]
