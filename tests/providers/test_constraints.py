"""What must never be false about providers is refused by the database itself."""

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from providers.models import AccessGrant, Membership, Practice, Provider, StateLicense
from tests.factories import make_agent, make_npi, make_practice, make_registration

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def refuses(name, write):
    """SQLite names columns where a plain unique index is broken, PostgreSQL the index."""
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        write()
    assert any(part in str(error.value) for part in name.split("|")), error.value


def test_one_current_membership_per_practice(alice, practice):
    refuses(
        "membership_current_once_per_practice|providers_membership.user_id",
        lambda: Membership.objects.create(user=alice, practice=practice, role="agent"),
    )


def test_who_left_may_come_back(alice, practice):
    alice.memberships.update(left_on=timezone.localdate())

    Membership.objects.create(user=alice, practice=practice, role="provider")

    assert alice.memberships.count() == 2


def test_a_role_that_does_not_exist(mallory, practice):
    refuses(
        "membership_role_known",
        lambda: Membership.objects.create(user=mallory, practice=practice, role="king"),
    )


def test_a_dea_number_belongs_to_one_registration(alice, bob, practice):
    number = alice.provider.dea_registrations.get().number
    refuses(
        "dea_registration_number_once|providers_dearegistration.number",
        lambda: make_registration(bob.provider, practice=practice, number=number),
    )


def test_a_license_belongs_to_one_provider(alice, bob):
    held = alice.provider.state_licenses.get()
    refuses(
        "state_license_number_once|providers_statelicense.state",
        lambda: StateLicense.objects.create(
            provider=bob.provider,
            state=held.state,
            number=held.number,
            expires_on=held.expires_on,
        ),
    )


def test_an_npi_belongs_to_one_provider(alice, mallory):
    refuses(
        "npi",
        lambda: Provider.objects.create(
            user=mallory, first_name="M", last_name="M", npi=alice.provider.npi
        ),
    )


def test_a_user_is_one_provider(alice):
    refuses(
        "user_id",
        lambda: Provider.objects.create(
            user=alice, first_name="A", last_name="A", npi=make_npi()
        ),
    )


@pytest.mark.parametrize("half", ["revoked_at", "revoked_by"])
def test_an_end_has_a_time_and_somebody_who_ended_it(alice, half):
    grant = alice.provider.access_grants.get()
    value = {"revoked_at": timezone.now(), "revoked_by": alice}[half]
    refuses(
        "access_grant_revoked_by_somebody_at_some_time",
        lambda: AccessGrant.objects.filter(pk=grant.pk).update(**{half: value}),
    )


@pytest.mark.cfr("1311.125(c)")
@pytest.mark.parametrize(
    ("rows", "column"),
    [
        (lambda alice: Provider.objects.filter(user=alice), "user"),
        (lambda alice: alice.provider.dea_registrations.all(), "provider"),
        (lambda alice: alice.provider.state_licenses.all(), "provider"),
        (lambda alice: alice.provider.access_grants.all(), "provider"),
        (lambda alice: alice.provider.access_grants.all(), "granted_by"),
        (lambda alice: alice.memberships.all(), "user"),
    ],
)
def test_nothing_moves_to_another_owner(alice, bob, mallory, rows, column):
    other = bob.provider if column == "provider" else mallory
    refuses("stays with whom", lambda: rows(alice).update(**{column: other}))


def test_nothing_regulated_goes_with_its_user(alice):
    with pytest.raises(ProtectedError):
        alice.delete()


def test_people_see_their_own_practice_only(alice, bob, sam, mallory):
    def seen_by(user):
        return set(Provider.objects.visible_to(user))

    assert seen_by(alice) == seen_by(sam) == {alice.provider}
    assert seen_by(bob) == {bob.provider}
    assert seen_by(mallory) == set()
    assert not Practice.objects.visible_to(mallory).exists()


def test_who_left_sees_nothing_and_is_not_seen(alice, practice):
    sam = make_agent("sally", practice=practice)
    sam.memberships.update(left_on=timezone.localdate())
    assert not Practice.objects.visible_to(sam).exists()

    alice.memberships.update(left_on=timezone.localdate())
    other = make_agent("olaf", practice=practice)
    assert not Provider.objects.visible_to(other).exists()


def test_the_day_is_that_of_the_practice(time_machine):
    time_machine.move_to("2027-01-15T03:00:00Z", tick=False)

    assert str(make_practice().today()) == "2027-01-14"
    assert str(make_practice(time_zone="Asia/Tokyo").today()) == "2027-01-15"
