import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models

from foundation import triggers

OFFICER = "providers_credentialingofficer"
DESIGNEE = "providers_designee"
LISTING = "providers_listing"
PRACTICE = "providers_practice"
ENTERED = [
    "id", "public_id", "institution_id", "provider_id", "entered_by_id", "entered_at",
    "photo_id", "state_authority", "privileges",
]  # fmt: skip
ONCE = ["first_approved_by_id", "second_approved_by_id", "ended_by_id", "ended_at"]
SEPARATE = "those who proof and those who set access are not the same"


def not_an_officer(who):
    """Somebody else than a current member of the office, or the one concerned."""
    return (
        f"(NOT EXISTS (SELECT 1 FROM {OFFICER} o WHERE o.user_id = NEW.{who}"
        " AND o.institution_id = NEW.institution_id AND o.until IS NULL)"
        f" OR NEW.{who} = (SELECT user_id FROM providers_provider"
        " WHERE id = NEW.provider_id))"
    )


GUARDS = [
    *triggers.kept(OFFICER, "id"),
    (
        OFFICER, "stays_with_whom_it_names", "UPDATE",
        triggers.changed("user_id", "institution_id", "named_by_id", "since")
        + " OR OLD.until IS NOT NULL",
        "this stays with whom it was given to",
    ),
    (
        OFFICER, "sets_no_access", "INSERT",
        f"EXISTS (SELECT 1 FROM {DESIGNEE} d JOIN {PRACTICE} p ON p.id = d.practice_id"
        " WHERE d.user_id = NEW.user_id AND d.until IS NULL"
        " AND p.institution_id = NEW.institution_id)",
        SEPARATE,
    ),
    (
        DESIGNEE, "proofs_nobody", "INSERT",
        f"EXISTS (SELECT 1 FROM {OFFICER} o JOIN {PRACTICE} p"
        " ON p.institution_id = o.institution_id WHERE o.user_id = NEW.user_id"
        " AND o.until IS NULL AND p.id = NEW.practice_id)",
        SEPARATE,
    ),
    (
        PRACTICE, "keeps_offices_apart", "UPDATE",
        f"EXISTS (SELECT 1 FROM {OFFICER} o JOIN {DESIGNEE} d ON d.user_id = o.user_id"
        " WHERE o.until IS NULL AND d.until IS NULL AND d.practice_id = NEW.id"
        " AND o.institution_id = NEW.institution_id)",
        SEPARATE,
    ),
    *triggers.kept(LISTING, "id", "public_id"),
    (
        LISTING, "entered_by_the_office", "INSERT",
        "NEW.first_approved_by_id IS NOT NULL OR NEW.second_approved_by_id IS NOT NULL"
        f" OR {not_an_officer('entered_by_id')}",
        "the proofing office enters who is listed",
    ),
    *(
        (
            LISTING, f"approved_by_the_office_{order}", "UPDATE",
            f"OLD.{order}_approved_by_id IS NULL"
            f" AND NEW.{order}_approved_by_id IS NOT NULL"
            f" AND {not_an_officer(f'{order}_approved_by_id')}",
            "the proofing office approves who is listed",
        )
        for order in ("first", "second")
    ),
    (
        LISTING, "frozen", "UPDATE",
        triggers.changed(*ENTERED)
        + "".join(
            f" OR (OLD.{fact} IS NOT NULL AND OLD.{fact} {{differs}} NEW.{fact})"
            for fact in ONCE
        ),
        "what was listed is not changed",
    ),
]  # fmt: skip


class Migration(migrations.Migration):
    """21 CFR 1311.130: one office proofs, another one sets access."""

    dependencies = [
        ('providers', '0004_two_people'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='CredentialingOfficer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField(null=True)),
                ('ended_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('institution', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='credentialing_officers', to='providers.institution')),
                ('named_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='credentialing_offices', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['since', 'pk'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('until', None)), fields=('user', 'institution'), name='credentialing_officer_current_once'), models.CheckConstraint(condition=models.Q(('until', None), ('until__gte', models.F('since')), _connector='OR'), name='credentialing_officer_ends_after_the_beginning')],
            },
        ),
        migrations.CreateModel(
            name='Listing',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('entered_at', models.DateTimeField()),
                ('photo_id', models.CharField(max_length=60, verbose_name='kind of photo identification')),
                ('state_authority', models.CharField(max_length=60, verbose_name='State licence, as seen')),
                ('privileges', models.CharField(max_length=60, verbose_name='privileges, as granted')),
                ('first_approved_at', models.DateTimeField(null=True)),
                ('second_approved_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('reason', models.CharField(blank=True, max_length=200)),
                ('ended_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('entered_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('first_approved_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('institution', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='listings', to='providers.institution')),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='listings', to='providers.provider')),
                ('second_approved_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['provider__last_name', '-entered_at'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('institution', 'provider'), name='listing_current_once'), models.CheckConstraint(condition=models.Q(('second_approved_by', None), models.Q(('first_approved_by__isnull', False), models.Q(('first_approved_by', models.F('second_approved_by')), _negated=True)), _connector='OR'), name='listing_approved_by_two')],
            },
        ),
        triggers.guards(*GUARDS),
    ]
