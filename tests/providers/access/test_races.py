"""Changes of access that meet each other: one counts, and the other is told why not."""

import pytest

from audit.acts import Act
from audit.models import Event
from providers import access_managers
from providers.access import access_requests
from providers.institutions import roster
from providers.models import AccessGrant, AccessState
from tests.factories import (
    make_designee,
    make_idme_account,
    make_institution,
    make_provider,
    make_ready_provider,
    make_request,
    make_user,
)
from tests.providers.conftest import SESSION, passed
from tests.threads import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


@pytest.fixture
def alice(practice):
    return make_ready_provider("alice", practice=practice)


@pytest.fixture
def carol(alice, practice):
    """Another registrant there who sets access."""
    carol = make_ready_provider("carol", practice=practice)
    make_designee(carol, practice=practice)
    return carol


@pytest.fixture
def manager(alice, practice):
    return access_managers.of(practice).get(provider=None)


def names_of(results):
    return sorted(type(result).__name__ for result in results)


@pytest.mark.cfr("1311.125(c)")
@pytest.mark.parametrize("attempt", range(3))
def test_of_two_who_end_each_other_at_once_one_does(
    alice, carol, manager, practice, attempt
):
    acts = []
    for about, by in [(alice, carol), (carol, alice)]:
        entered = access_requests.request_dismissal(
            about, practice=practice, by=manager
        )
        acts.append((entered, by, passed(entered, by=by)))

    def run(number):
        entered, by, challenge = acts[number]
        return access_requests.approve(
            entered, by=by, challenge=challenge, session_key=SESSION
        )

    results = at_once(run, times=2)

    assert names_of(results) == ["AccessNotPermitted", "AccessRequest"]
    assert access_managers.of(practice).filter(pk__in=[alice.pk, carol.pk]).count() == 1


@pytest.mark.parametrize("attempt", range(3))
def test_of_executing_declining_and_taking_back_at_once_one_counts(
    alice, carol, manager, practice, attempt
):
    nora = make_provider("nora", practice=practice)
    make_idme_account(nora.user)
    entered = make_request(practice=practice, provider=nora)
    challenge = passed(entered, by=alice)
    acts = [
        lambda: access_requests.approve(
            entered, by=alice, challenge=challenge, session_key=SESSION
        ),
        lambda: access_requests.decline(entered, by=carol, reason="Not now."),
        lambda: access_requests.withdraw(entered, by=manager),
    ]

    results = at_once(lambda number: acts[number](), times=3)

    entered.refresh_from_db()
    assert names_of(results).count("AccessRefused") == 2
    assert entered.state != AccessState.ENTERED
    is_executed = entered.state == AccessState.EXECUTED
    assert AccessGrant.objects.filter(provider=nora).exists() == is_executed
    closings = [Act.ACCESS_EXECUTED, Act.ACCESS_DECLINED, Act.ACCESS_WITHDRAWN]
    assert Event.objects.filter(act__in=closings).count() == 1


@pytest.mark.parametrize("attempt", range(3))
def test_of_two_of_an_office_who_end_each_other_at_once_one_does(attempt):
    hospital = make_institution()
    office = [
        roster.appoint_officer(make_user(name), institution=hospital, by=None)
        for name in ("petra", "paul")
    ]

    results = at_once(
        lambda number: roster.remove_officer(
            office[number], by=office[1 - number].user
        ),
        times=2,
    )

    assert names_of(results) == ["AccessNotPermitted", "NoneType"]
    assert hospital.credentialing_officers.filter(until=None).count() == 1
