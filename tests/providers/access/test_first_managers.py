"""The first access managers of a practice, and a practice with too few."""

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit.acts import Act
from audit.models import Event
from providers import access_managers, readiness, standing
from providers.access import access_requests, first_managers
from providers.models import Designee
from providers.permissions import AccessRefused
from tests.factories import (
    make_agent,
    make_designee,
    make_device,
    make_idme_account,
    make_provider,
    make_user,
    seen_of,
)
from tests.providers.access.requests import in_force

pytestmark = pytest.mark.django_db


@pytest.fixture
def hill(practice):
    """A practice that nobody sets access for yet, with an agent and a provider."""
    olaf = make_agent("olaf", practice=practice)
    nina = make_provider("nina", practice=practice)
    make_idme_account(nina.user)
    make_device(nina.user, is_primary=True)
    return practice, olaf, nina


@pytest.mark.cfr("1311.125(a)")
def test_a_location_without_two_designees_does_not_sign(alice, manager, practice):
    access_managers.resign(manager, practice=practice)

    found = readiness.blockers_to_signing(
        standing.of(alice.provider, practice=practice)
    )
    assert [blocker.label for blocker in found] == [
        "Main Street Clinic (demo) has fewer than two people who set access."
    ]


@pytest.mark.cfr("1311.125(a)")
def test_a_location_without_a_registrant_among_them_does_not_sign(
    alice, sam, nora, practice, entered, execute
):
    execute(entered, by=alice)
    make_designee(sam, practice=practice)
    access_managers.resign(alice, practice=practice)

    found = readiness.blockers_to_signing(standing.of(nora, practice=practice))
    assert [blocker.label for blocker in found] == [
        "None of those who set access at Main Street Clinic (demo) is a DEA registrant."
    ]


@pytest.mark.cfr("1311.125(a)")
@pytest.mark.cfr("1311.125(c)")
def test_the_way_to_the_first_practitioner(hill, execute):
    practice, olaf, nina = hill
    root = make_user("root", is_staff=True)
    first_managers.designate(olaf, practice=practice, by=root)
    first_managers.designate(nina.user, practice=practice, by=None)

    entered = access_requests.request_grant(
        nina, practice=practice, by=olaf, look_up=seen_of(nina)
    )
    executed = execute(entered, by=nina.user)

    assert executed.is_own
    assert in_force(nina).get().granted_by == nina.user
    event = Event.objects.get(act=Act.ACCESS_EXECUTED)
    assert event.detail["own"] is True
    named = Event.objects.filter(act=Act.DESIGNEE_NAMED).order_by("at")
    assert [event.actor for event in named] == ["root", "system"]


@pytest.mark.cfr("1311.120(b)(2)(ii)")
def test_an_administrator_names_nobody_where_there_are_enough(alice, sam, practice):
    root = make_user("root", is_staff=True, is_superuser=True)

    with pytest.raises(first_managers.NotDesignated, match="has its designees"):
        first_managers.designate(sam, practice=practice, by=root)
    assert not access_managers.is_access_manager(sam, practice=practice)
    assert Event.objects.filter(act=Act.PERMISSION_DENIED, actor="root").count() == 1


def test_only_an_administrator_names_the_first(hill):
    practice, olaf, _nina = hill

    with pytest.raises(first_managers.NotDesignated, match="administrator"):
        first_managers.designate(olaf, practice=practice, by=olaf)


def test_who_does_not_work_there_is_not_named(hill, mallory):
    practice, _olaf, _nina = hill

    with pytest.raises(first_managers.NotDesignated, match="does not work"):
        first_managers.designate(mallory, practice=practice, by=None)


def test_who_left_is_no_designee(alice, practice):
    alice.memberships.update(left_on=practice.today())

    assert not access_managers.is_access_manager(alice, practice=practice)


def test_who_is_locked_out_is_no_designee(alice, practice):
    alice.is_active = False
    alice.save()

    assert not access_managers.is_access_manager(alice, practice=practice)


@pytest.mark.cfr("1311.120(b)(1)(i)")
def test_a_registrant_is_linked_by_name_to_a_dea_number(alice, sam, practice):
    make_designee(sam, practice=practice)

    found = access_managers.registrants(practice, on=practice.today())
    assert [user.username for user in found] == ["alice"]


@pytest.mark.cfr("1311.125(a)")
def test_the_operator_names_the_first_two_at_the_command_line(hill, capsys):
    practice, olaf, nina = hill

    call_command("name_designee", practice.name, "olaf")
    assert "fewer than two" in capsys.readouterr().out
    call_command("name_designee", practice.name, "nina")
    assert "has its designees" in capsys.readouterr().out

    assert set(access_managers.of(practice)) == {olaf, nina.user}
    for wrong in [("nowhere", "olaf"), (practice.name, "nobody")]:
        with pytest.raises(CommandError, match="no such"):
            call_command("name_designee", *wrong)
    with pytest.raises(CommandError, match="has its designees"):
        call_command("name_designee", practice.name, "olaf")


@pytest.mark.cfr("1311.125(c)")
def test_nobody_declines_what_ends_their_own(alice, practice, manager):
    ends = [
        access_requests.request_revocation(
            alice.provider, practice=practice, by=manager, reason="diverts"
        ),
        access_requests.request_dismissal(
            manager, practice=practice, by=alice, reason="left"
        ),
    ]

    for entered, whose in zip(ends, [alice, manager], strict=True):
        with pytest.raises(AccessRefused, match="Another designee decides"):
            access_requests.decline(entered, by=whose, reason="no")


@pytest.mark.cfr("1311.125(c)")
def test_what_somebody_entered_who_is_no_designee_any_more_is_not_executed(
    entered, alice, manager, execute
):
    Designee.objects.filter(user=manager, until=None).update(until=timezone.now())

    with pytest.raises(AccessRefused, match="no longer sets access"):
        execute(entered, by=alice)
