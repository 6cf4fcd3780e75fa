import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models

from foundation import triggers

REQUEST = "providers_accessrequest"
GRANT = "providers_accessgrant"
SUSPENSION = "providers_suspension"
VERIFICATION = "providers_verification"
ENTERED = [
    "id", "public_id", "kind", "practice_id", "person_id", "provider_id",
    "verification_id", "reason", "entered_by_id", "entered_at", "digest",
]  # fmt: skip
OF_THE_PROVIDER = "(SELECT user_id FROM providers_provider WHERE id = NEW.provider_id)"


def designee(who):
    return (
        f"EXISTS (SELECT 1 FROM providers_designee d WHERE d.user_id = NEW.{who}"
        " AND d.practice_id = NEW.practice_id AND d.until IS NULL)"
    )


# A registrant, or anybody who is designated at an institution (1311.130(b)).
REGISTRANT = (
    "(EXISTS (SELECT 1 FROM providers_practice p WHERE p.id = NEW.practice_id"
    " AND p.institution_id IS NOT NULL) OR EXISTS (SELECT 1 FROM providers_provider p"
    " JOIN providers_dearegistration r ON r.provider_id = p.id"
    " WHERE p.user_id = NEW.closed_by_id))"
)
BOTH_FACTORS = (
    "EXISTS (SELECT 1 FROM mfa_challenge c WHERE c.id = NEW.challenge_id"
    " AND c.user_id = NEW.closed_by_id AND c.purpose = 'approve_access'"
    " AND c.state = 'consumed' AND c.payload_digest = NEW.digest)"
)
FOR_ANOTHER = (
    "(NEW.closed_by_id <> NEW.person_id OR NEW.kind NOT IN ('grant', 'name')"
    " OR (NEW.kind = 'grant' AND NEW.is_own))"
)
EXECUTED = (
    f"(SELECT 1 FROM {REQUEST} r WHERE r.state = 'executed'"
    " AND r.provider_id = NEW.provider_id AND "
)
GUARDS = [
    *triggers.kept(REQUEST, "id", "public_id", "challenge_id", "verification_id"),
    (
        REQUEST, "entered_by_a_designee", "INSERT",
        f"NEW.state <> 'entered' OR NOT {designee('entered_by_id')}",
        "a designee of the practice enters a request",
    ),
    (
        REQUEST, "about_one_person", "INSERT",
        f"NEW.provider_id IS NOT NULL AND NEW.person_id <> {OF_THE_PROVIDER}",
        "a request is about one person",
    ),
    (
        REQUEST, "not_for_oneself", "INSERT",
        "NEW.kind IN ('grant', 'name') AND NEW.entered_by_id = NEW.person_id",
        "nobody enters a right for themselves",
    ),
    (
        REQUEST, "frozen", "UPDATE",
        f"OLD.state <> 'entered' OR {triggers.changed(*ENTERED)}",
        "a request is not changed",
    ),
    (
        REQUEST, "executed_by_a_second_person", "UPDATE",
        f"NEW.state = 'executed' AND NOT ({designee('closed_by_id')} AND {REGISTRANT}"
        f" AND {BOTH_FACTORS} AND {FOR_ANOTHER})",
        "a second designee who is a registrant executes it with both factors",
    ),
    *triggers.kept(GRANT, "id", "public_id", "request_id"),
    (
        GRANT, "given_by_two", "INSERT",
        f"NEW.is_provisional OR NOT EXISTS {EXECUTED}r.id = NEW.request_id"
        " AND r.kind = 'grant' AND r.practice_id = NEW.practice_id"
        " AND r.closed_by_id = NEW.granted_by_id)",
        "two people give the right to sign",
    ),
    (
        GRANT, "ended_by_two_or_given_up", "UPDATE",
        f"NEW.revoked_at IS NOT NULL AND NOT (EXISTS {EXECUTED}r.id = NEW.revocation_id"
        " AND r.closed_by_id = NEW.revoked_by_id) OR (NEW.revocation_id IS NULL"
        f" AND NEW.revoked_by_id = {OF_THE_PROVIDER}))",
        "two people end the right to sign, or its holder",
    ),
    (
        GRANT, "frozen", "UPDATE",
        triggers.changed("practice_id", "request_id", "is_provisional")
        + " OR OLD.revoked_at IS NOT NULL",
        "a grant is not changed",
    ),
    *triggers.kept(VERIFICATION, "id"),
    (VERIFICATION, "frozen", "UPDATE", "1 = 1", "a verification is not changed"),
    *triggers.kept(SUSPENSION, "id"),
    (SUSPENSION, "frozen", "UPDATE", "1 = 1", "a suspension is not changed"),
]  # fmt: skip


class Migration(migrations.Migration):
    """21 CFR 1311.125(c): one enters, another one executes; nothing else gives a right."""

    dependencies = [
        ('mfa', '0005_purposes_of_access'),
        ('providers', '0003_designees_and_institutions'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        *triggers.set_aside(
            migrations.CreateModel(
                name='Verification',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('verified_at', models.DateTimeField()),
                    ('dea_expires_on', models.DateField()),
                    ('dea_source', models.CharField(choices=[('web', "DEA's registration validation on the web"), ('certificate', 'The certificate of registration'), ('database', 'A database of the DEA or the NTIS')], max_length=15)),
                    ('license_expires_on', models.DateField()),
                    ('state_source', models.CharField(choices=[('board', "The State board's licence look-up"), ('document', 'The licence itself')], max_length=15)),
                    ('note', models.CharField(blank=True, max_length=200)),
                    ('dea_registration', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='providers.dearegistration')),
                    ('provider', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='verifications', to='providers.provider')),
                    ('state_license', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='providers.statelicense')),
                    ('verified_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['-verified_at'],
                    'constraints': [
                        models.CheckConstraint(condition=models.Q(('dea_source__in', ['web', 'certificate', 'database']), ('state_source__in', ['board', 'document'])), name='verification_sources_known'),
                    ],
                },
            ),
            migrations.CreateModel(
                name='AccessRequest',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                    ('kind', models.CharField(choices=[('grant', 'Give the right to sign'), ('revoke', 'End the right to sign'), ('name', 'Name a designee'), ('dismiss', 'End a designation')], max_length=10)),
                    ('reason', models.CharField(blank=True, max_length=200)),
                    ('entered_at', models.DateTimeField()),
                    ('digest', models.CharField(max_length=64)),
                    ('state', models.CharField(choices=[('entered', 'Waits for a second person'), ('executed', 'Executed'), ('refused', 'Refused'), ('withdrawn', 'Withdrawn')], default='entered', max_length=10)),
                    ('closed_at', models.DateTimeField(null=True)),
                    ('closing_note', models.CharField(blank=True, max_length=200)),
                    ('is_own', models.BooleanField(default=False)),
                    ('challenge', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='mfa.challenge')),
                    ('closed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('entered_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('practice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='access_requests', to='providers.practice')),
                    ('provider', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='access_requests', to='providers.provider')),
                    ('verification', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='request', to='providers.verification')),
                ],
                options={
                    'ordering': ['-entered_at'],
                    'constraints': [
                        models.CheckConstraint(condition=models.Q(('kind__in', ['grant', 'revoke', 'name', 'dismiss']), ('state__in', ['entered', 'executed', 'refused', 'withdrawn'])), name='access_request_kind_and_state_known'),
                        models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ['grant', 'revoke']), ('provider__isnull', False)), models.Q(models.Q(('kind__in', ['grant', 'revoke']), _negated=True), ('provider', None)), _connector='OR'), name='access_request_about_a_provider_or_a_person'),
                        models.CheckConstraint(condition=models.Q(models.Q(('kind', 'grant'), ('verification__isnull', False)), models.Q(models.Q(('kind', 'grant'), _negated=True), ('verification', None)), _connector='OR'), name='access_request_to_grant_is_verified'),
                        models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', True), ('closed_by', None), ('state', 'entered')), models.Q(models.Q(('state', 'entered'), _negated=True), ('closed_at__gte', models.F('entered_at')), ('closed_by__isnull', False)), _connector='OR'), name='access_request_open_or_closed_by_somebody'),
                        models.CheckConstraint(condition=models.Q(models.Q(('state', 'executed'), _negated=True), models.Q(('challenge__isnull', False), models.Q(('closed_by', models.F('entered_by')), _negated=True)), _connector='OR'), name='access_request_executed_by_two_with_both_factors'),
                        models.UniqueConstraint(condition=models.Q(('state', 'entered')), fields=('practice', 'person'), name='access_request_one_open_about_somebody'),
                    ],
                },
            ),
            migrations.RemoveConstraint(
                model_name='accessgrant',
                name='access_grant_one_in_force_per_provider',
            ),
            migrations.AddField(
                model_name='accessgrant',
                name='practice',
                field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='access_grants', to='providers.practice'),
            ),
            migrations.AlterField(
                model_name='accessgrant',
                name='is_provisional',
                field=models.BooleanField(default=False),
            ),
            migrations.AddField(
                model_name='accessgrant',
                name='request',
                field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='grant', to='providers.accessrequest'),
            ),
            migrations.AddField(
                model_name='accessgrant',
                name='revocation',
                field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='revoked_grants', to='providers.accessrequest'),
            ),
            migrations.AddConstraint(
                model_name='accessgrant',
                constraint=models.UniqueConstraint(condition=models.Q(('revoked_at', None)), fields=('provider', 'practice'), name='access_grant_one_in_force_per_practice'),
            ),
            migrations.AddConstraint(
                model_name='accessgrant',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('is_provisional', True), ('practice', None), ('request', None)), models.Q(('is_provisional', False), ('practice__isnull', False), ('request__isnull', False)), _connector='OR'), name='access_grant_by_two_people_or_provisional'),
            ),
            migrations.CreateModel(
                name='Suspension',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('cause', models.CharField(choices=[('lost', 'A device was lost'), ('stolen', 'A device was stolen'), ('compromised', 'A password or device may be in other hands'), ('dea_expired', 'The DEA registration expired'), ('dea_ended', 'The DEA registration ended'), ('license_expired', 'The State licence expired'), ('left', 'No longer works at the practice'), ('institution', "The institution's DEA registration is not current"), ('not_listed', "No longer on the institution's list"), ('end_entered', 'A designee entered that it ends'), ('repudiated', 'A prescription was reported as not signed')], max_length=20)),
                    ('at', models.DateTimeField()),
                    ('device', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='mfa.device')),
                    ('grant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='suspensions', to='providers.accessgrant')),
                    ('reported_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['at', 'pk'],
                    'constraints': [
                        models.UniqueConstraint(fields=('grant', 'cause'), name='suspension_once_per_cause'),
                        models.CheckConstraint(condition=models.Q(('cause__in', ['lost', 'stolen', 'compromised', 'dea_expired', 'dea_ended', 'license_expired', 'left', 'institution', 'not_listed', 'end_entered', 'repudiated'])), name='suspension_cause_known'),
                    ],
                },
            ),
        ),
        triggers.guards(*GUARDS),
    ]
