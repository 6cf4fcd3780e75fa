from datetime import timedelta

import pytest
from django.utils import timezone

from mfa.models import Device, Kind, UserThrottle
from providers import standing
from providers.access import access_requests
from providers.readiness import blockers_for_now
from tests.factories import (
    make_device,
    make_practice,
    make_provider,
    register_with_state,
)

pytestmark = pytest.mark.django_db
LONG_AGO = timezone.localdate() - timedelta(days=30)


@pytest.fixture
def labels(alice, practice):
    """Ask what stands between Alice and a signature, now."""

    def ask():
        found = blockers_for_now(
            standing.of(alice.provider, practice=practice), now=timezone.now()
        )
        return [blocker.label for blocker in found]

    return ask


def test_nothing_blocks_a_provider_with_everything_in_order(labels):
    assert labels() == []


@pytest.mark.cfr("1311.105(b)")
def test_a_new_provider_is_told_everything_at_once(alice, practice):
    nora = make_provider("nora", practice=practice)

    found = blockers_for_now(standing.of(nora, practice=practice), now=timezone.now())

    assert [blocker.label for blocker in found] == [
        "Your identity is not verified.",
        "You are not approved to sign controlled substances.",
        "You have no device to sign with.",
    ]
    assert all(blocker.remedy for blocker in found)


@pytest.mark.cfr("1311.105(a)(1)")
@pytest.mark.parametrize("level", ["identity_assurance", "authenticator_assurance"])
def test_a_lower_level_of_assurance_is_not_enough(alice, labels, level):
    alice.idme_accounts.update(**{level: 1})

    assert labels() == [
        "ID.me has not verified your identity to the level that is needed."
    ]


@pytest.mark.cfr("1311.125(c)")
def test_an_approval_that_ended_blocks(alice, labels):
    access_requests.give_up(alice.provider, by=alice, reason="parental leave")

    assert labels() == ["You are not approved to sign controlled substances."]


@pytest.mark.cfr("1306.03(a)(2)")
@pytest.mark.parametrize("field", ["expires_on", "ended_on"])
def test_a_registration_that_is_over_blocks(alice, labels, field):
    alice.provider.dea_registrations.update(**{field: LONG_AGO})

    assert labels() == ["You have no current DEA registration for NY."]


@pytest.mark.cfr("1306.03(a)(2)")
def test_a_registration_of_another_state_does_not_help(alice, labels):
    alice.provider.dea_registrations.update(state="CA")

    assert labels() == ["You have no current DEA registration for NY."]


def test_a_registration_holds_through_its_last_day(alice, practice, labels):
    alice.provider.dea_registrations.update(expires_on=practice.today())
    assert labels() == []


@pytest.mark.cfr("1306.03(a)(1)")
def test_an_expired_license_blocks(alice, labels):
    alice.provider.state_licenses.update(expires_on=LONG_AGO)

    assert labels() == ["You have no current license of NY."]


@pytest.mark.cfr("1306.03(a)(1)")
@pytest.mark.parametrize(("days", "blocks"), [(-1, True), (0, False)])
def test_a_state_s_own_registration_has_to_be_current(
    alice, practice, labels, days, blocks
):
    until = practice.today() + timedelta(days=days)
    register_with_state(alice.provider, until=until)

    told = "You have no current registration for controlled substances of NY."
    assert labels() == ([told] if blocks else [])


@pytest.mark.cfr("1311.125(d)")
def test_whoever_left_no_longer_signs_there(alice, labels):
    alice.memberships.update(left_on=LONG_AGO)

    assert labels() == ["You do not work at Main Street Clinic (demo) as a provider."]


def test_an_agent_is_no_provider_there(alice, labels):
    alice.memberships.update(role="agent")

    assert len(labels()) == 1


def test_another_practice_is_another_question(alice):
    elsewhere = make_practice(name="Elsewhere (demo)")

    found = blockers_for_now(
        standing.of(alice.provider, practice=elsewhere), now=timezone.now()
    )

    assert [blocker.label for blocker in found] == [
        "You do not work at Elsewhere (demo) as a provider."
    ]


def test_devices_without_a_primary_one_block(alice, labels):
    alice.mfa_devices.update(is_primary=False)

    assert labels() == ["You have not selected a primary device."]


@pytest.mark.cfr("1311.115(b)")
def test_a_device_that_the_law_does_not_accept_is_none(alice, labels):
    Device.objects.filter(user=alice).update(
        retired_at=timezone.now(), retired_because="removed", is_primary=False
    )
    make_device(alice, kind=Kind.TEXT, name="Text message")

    assert labels() == ["You have no device to sign with."]


def test_a_disabled_device_is_named_as_the_cause(alice, labels):
    alice.mfa_devices.update(disabled_at=timezone.now(), is_primary=False)

    assert labels() == ["Your device is disabled after too many failed attempts."]


def test_a_locked_primary_says_until_when_at_the_practice(alice, labels, time_machine):
    time_machine.move_to("2027-01-15T15:00:00Z", tick=False)
    alice.provider.dea_registrations.update(expires_on="2028-01-01")
    alice.provider.state_licenses.update(expires_on="2028-01-01")
    alice.mfa_devices.update(locked_until=timezone.now() + timedelta(minutes=5))

    assert labels() == [
        "“MyiPhone” is locked until 10:05:00 EST, after failed attempts."
    ]
    time_machine.move_to("2027-01-15T15:05:00Z", tick=False)
    assert labels() == []


def test_a_lock_of_the_user_blocks_every_device(alice, labels):
    until = timezone.now() + timedelta(minutes=5)
    UserThrottle.objects.filter(user=alice).update(locked_until=until)

    assert len(labels()) == 1


@pytest.mark.cfr("1311.105(a)")
@pytest.mark.parametrize(
    ("at_idme", "blocks"),
    [("EXAMPLE", False), ("Example-Miller", False), ("Miller", True), ("", True)],
)
def test_an_identity_with_another_family_name_blocks(alice, labels, at_idme, blocks):
    alice.idme_accounts.update(last_name=at_idme)

    assert bool(labels()) == blocks
