"""Who may approve an access request, and with which factors."""

import pytest

from audit.acts import Act
from audit.models import Event
from mfa.models import Purpose
from mfa.refusals import NotRedeemable
from providers import access_managers
from providers.access import access_requests
from providers.models import AccessState
from tests.factories import (
    make_designee,
    make_device,
    make_idme_account,
    make_user,
    seen_of,
)
from tests.providers.access.requests import WEEK, in_force, refusals, refused
from tests.providers.conftest import SESSION, passed

pytestmark = pytest.mark.django_db


@pytest.mark.cfr("1311.120(b)(4)")
@pytest.mark.cfr("1311.125(c)")
def test_who_entered_it_does_not_execute_it(nora, alice, practice, execute):
    entered = access_requests.request_grant(
        nora, practice=practice, by=alice, look_up=seen_of(nora)
    )

    with refused("same_person"):
        execute(entered, by=alice)
    assert refusals() == ["same_person"]
    assert not in_force(nora).exists()


@pytest.mark.cfr("1311.120(b)(2)(ii)")
@pytest.mark.cfr("1311.125(a)")
def test_only_designees_enter(nora, sam, practice):
    with refused("not_designee"):
        access_requests.request_grant(
            nora, practice=practice, by=sam, look_up=seen_of(nora)
        )
    assert refusals() == ["not_designee"]


@pytest.mark.cfr("1311.120(b)(2)(ii)")
def test_a_designee_of_elsewhere_is_none_here(nora, bob, practice, entered, execute):
    with refused("not_designee"):
        access_requests.request_grant(
            nora, practice=practice, by=bob, look_up=seen_of(nora)
        )
    with refused("not_designee"):
        execute(entered, by=bob)


@pytest.mark.cfr("1311.120(b)(2)(ii)")
def test_a_superuser_gives_nothing(nora, practice, entered, execute):
    root = make_user("root", is_staff=True, is_superuser=True)
    make_idme_account(root)

    with refused("not_designee"):
        access_requests.request_grant(
            nora, practice=practice, by=root, look_up=seen_of(nora)
        )
    with refused("not_designee"):
        execute(entered, by=root)
    assert not in_force(nora).exists()


@pytest.mark.cfr("1311.120(b)(4)")
@pytest.mark.cfr("1311.125(c)")
def test_a_designee_who_is_no_registrant_does_not_execute(
    nora, alice, sam, practice, entered, execute
):
    make_designee(sam, practice=practice)
    make_idme_account(sam)

    with refused("no_registrant"):
        execute(entered, by=sam)
    assert not in_force(nora).exists()


@pytest.mark.cfr("1311.125(a)")
@pytest.mark.parametrize("rows", ["dea_registrations", "state_licenses"])
def test_an_executor_s_own_authority_is_current(
    alice, entered, execute, practice, rows
):
    getattr(alice.provider, rows).update(expires_on=practice.today() - WEEK)

    with refused("no_registrant"):
        execute(entered, by=alice)


@pytest.mark.cfr("1311.125(a)")
def test_an_executor_holds_a_credential_of_a_verified_identity(alice, entered, execute):
    alice.idme_accounts.update(identity_assurance=1)

    with refused("not_proofed"):
        execute(entered, by=alice)


@pytest.mark.cfr("1311.120(b)(4)")
def test_who_may_not_sign_gives_nobody_else_the_right(alice, entered, execute):
    access_requests.give_up(alice.provider, by=alice, reason="sabbatical")

    with refused("suspended"):
        execute(entered, by=alice)


@pytest.mark.cfr("1311.125(c)")
def test_nobody_enters_their_own_grant(alice, practice):
    with refused("self"):
        access_requests.request_grant(
            alice.provider, practice=practice, by=alice, look_up=seen_of(alice.provider)
        )


@pytest.mark.cfr("1311.125(c)")
def test_nobody_executes_their_own_grant_where_another_registrant_could(
    nora, alice, practice, entered, execute
):
    make_designee(nora.user, practice=practice)

    with refused("self"):
        execute(entered, by=nora.user)
    execute(entered, by=alice)
    assert in_force(nora).exists()


@pytest.mark.cfr("1311.125(c)")
def test_the_only_registrant_executes_what_another_one_entered(alice, practice):
    """Solo practice, and the first practitioner of any practice."""
    request = in_force(alice.provider).get().request

    assert request.is_own
    assert request.entered_by != alice
    assert access_managers.registrants(practice, on=practice.today()).get() == alice


@pytest.mark.cfr("1311.120(b)(5)")
@pytest.mark.parametrize(
    "wrong",
    [
        {"purpose": Purpose.SIGN},
        {"payload_digest": "0" * 64},
        {"session_key": "another session"},
    ],
    ids=["purpose", "content", "session"],
)
def test_the_two_factors_are_for_exactly_this(nora, alice, entered, wrong):
    with pytest.raises(NotRedeemable):
        access_requests.approve(
            entered,
            by=alice,
            challenge=passed(entered, by=alice, **wrong),
            session_key=SESSION,
        )
    assert not in_force(nora).exists()
    assert Event.objects.filter(act=Act.ACCESS_REFUSED).count() == 1


@pytest.mark.cfr("1311.120(b)(5)")
def test_somebody_else_s_factors_execute_nothing(nora, alice, manager, entered):
    make_device(manager)

    with pytest.raises(NotRedeemable):
        access_requests.approve(
            entered,
            by=alice,
            challenge=passed(entered, by=manager),
            session_key=SESSION,
        )
    assert not in_force(nora).exists()


def test_what_changed_since_the_entry_is_entered_again(nora, alice, entered, execute):
    nora.last_name = "Example-Miller"
    nora.save()

    with refused("changed"):
        execute(entered, by=alice)


@pytest.mark.both_databases
def test_a_closed_request_is_closed(alice, entered, execute):
    execute(entered, by=alice)

    with refused("closed"):
        execute(entered, by=alice)


@pytest.mark.both_databases
def test_one_request_about_somebody_waits_at_a_time(nora, manager, practice, entered):
    with refused("open_already"):
        access_requests.request_grant(
            nora, practice=practice, by=manager, look_up=seen_of(nora)
        )


def test_the_second_person_may_decline_with_a_reason(nora, alice, entered):
    with refused("no_reason"):
        access_requests.decline(entered, by=alice, reason=" ")

    access_requests.decline(entered, by=alice, reason="Not yet trained.")

    entered.refresh_from_db()
    assert (entered.state, entered.closing_note) == ("refused", "Not yet trained.")
    assert not in_force(nora).exists()


def test_only_designees_decline(entered, sam):
    with refused("not_designee"):
        access_requests.decline(entered, by=sam, reason="Envy.")


def test_who_entered_it_takes_it_back_and_nobody_else(alice, manager, entered):
    with refused("not_entered_by"):
        access_requests.withdraw(entered, by=alice)

    access_requests.withdraw(entered, by=manager)

    entered.refresh_from_db()
    assert entered.state == AccessState.WITHDRAWN
