"""Ending a right to sign or a designation: two people, or its holder alone."""

import pytest

from audit.acts import Act
from audit.models import Event
from providers import access_managers, readiness, standing
from providers.access import access_requests
from providers.models import Designee
from tests.factories import (
    make_designee,
    make_idme_account,
    make_provider,
    make_ready_provider,
    make_request,
)
from tests.providers.access.requests import in_force, refused
from tests.providers.conftest import SESSION, passed
from tests.threads import at_once

pytestmark = pytest.mark.django_db


@pytest.mark.cfr("1311.125(c)")
@pytest.mark.cfr("1311.125(d)")
def test_an_end_is_executed_by_two_and_stops_signing_at_once(
    nora, alice, manager, practice, entered, execute
):
    execute(entered, by=alice)

    ending = access_requests.request_revocation(
        nora, practice=practice, by=manager, reason="left the practice"
    )

    found = readiness.blockers_to_signing(standing.of(nora, practice=practice))
    assert [blocker.label for blocker in found] == [
        "Your right to sign is suspended: a designee entered that it ends."
    ]
    execute(ending, by=alice)
    assert not in_force(nora).exists()
    assert nora.access_grants.get().reason == "left the practice"


@pytest.mark.cfr("1311.125(c)")
def test_an_end_by_one_person_is_none(nora, alice, practice, entered, execute):
    execute(entered, by=alice)
    ending = access_requests.request_revocation(
        nora, practice=practice, by=alice, reason="a quarrel"
    )

    with refused("same_person"):
        execute(ending, by=alice)
    assert in_force(nora).exists()


@pytest.mark.parametrize(
    ("reason", "code"), [("  ", "no_reason"), ("tidying", "no_grant")]
)
def test_an_end_needs_a_reason_and_something_to_end(
    nora, manager, practice, reason, code
):
    with refused(code):
        access_requests.request_revocation(
            nora, practice=practice, by=manager, reason=reason
        )


@pytest.mark.cfr("1311.125(d)")
def test_its_holder_gives_it_up_alone_and_at_once(alice, manager):
    with refused("not_holder"):
        access_requests.give_up(alice.provider, by=manager, reason="envy")
    with refused("no_reason"):
        access_requests.give_up(alice.provider, by=alice, reason="")

    access_requests.give_up(alice.provider, by=alice, reason="retiring")

    assert not in_force(alice.provider).exists()
    event = Event.objects.get(act=Act.ACCESS_REVOKED)
    assert (event.actor, event.detail) == ("alice", {"reason": "retiring"})
    with refused("no_grant"):
        access_requests.give_up(alice.provider, by=alice, reason="again")


@pytest.mark.cfr("1311.125(a)")
def test_a_right_is_for_one_practice(alice, bob, practice):
    elsewhere = bob.memberships.get().practice

    found = readiness.blockers_to_signing(
        standing.of(alice.provider, practice=elsewhere)
    )
    assert found
    assert in_force(alice.provider).get().practice == practice


@pytest.mark.cfr("1311.120(b)(2)(ii)")
def test_designees_name_and_end_each_other_two_by_two(
    alice, manager, sam, practice, execute
):
    naming = access_requests.request_designation(sam, practice=practice, by=manager)
    assert not access_managers.is_access_manager(sam, practice=practice)
    execute(naming, by=alice)
    assert access_managers.is_access_manager(sam, practice=practice)

    ending = access_requests.request_dismissal(sam, practice=practice, by=manager)
    execute(ending, by=alice)
    assert not access_managers.is_access_manager(sam, practice=practice)
    kept = Designee.objects.get(user=sam)
    assert (kept.named_by, kept.ended_by) == (alice, alice)
    assert kept.until >= kept.since


def test_nobody_names_who_works_elsewhere_or_themselves(
    bob, manager, practice, mallory
):
    for person in (bob, mallory):
        with refused("not_named"):
            access_requests.request_designation(person, practice=practice, by=manager)
    with refused("self"):
        access_requests.request_designation(manager, practice=practice, by=manager)


@pytest.mark.both_databases
def test_nothing_changes_without_its_event(nora, alice, entered, monkeypatch):
    challenge = passed(entered, by=alice)
    monkeypatch.setattr("audit.seals.seal", _broken)

    with pytest.raises(RuntimeError):
        access_requests.approve(
            entered, by=alice, challenge=challenge, session_key=SESSION
        )
    entered.refresh_from_db()
    assert entered.is_open
    assert not in_force(nora).exists()


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_two_who_execute_at_once_one_does(practice):
    alice = make_ready_provider("alice", practice=practice)
    carol = make_ready_provider("carol", practice=practice)
    make_designee(carol, practice=practice)
    nora = make_provider("nora", practice=practice)
    make_idme_account(nora.user)
    entered = make_request(practice=practice, provider=nora)
    proofs = [(one, passed(entered, by=one)) for one in (alice, carol)]

    def run(number):
        by, challenge = proofs[number]
        return access_requests.approve(
            entered, by=by, challenge=challenge, session_key=SESSION
        )

    results = at_once(run, times=2)

    assert sorted(type(result).__name__ for result in results) == [
        "AccessRefused",
        "AccessRequest",
    ]
    assert in_force(nora).count() == 1


def _broken(*args, **kwargs):
    raise RuntimeError("the record cannot be written")
