"""21 CFR 1311.125(c): one designee enters, another one executes with both factors."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.acts import Act
from audit.models import Event
from providers.access import access_requests, approval
from providers.models import AccessRequest, Verification
from tests.factories import make_provider, register_with_state, seen_of
from tests.providers.access.requests import WEEK, in_force, refusals, refused

pytestmark = pytest.mark.django_db


@pytest.mark.cfr("1311.120(b)(4)")
@pytest.mark.cfr("1311.120(b)(5)")
@pytest.mark.cfr("1311.125(c)")
def test_one_enters_and_another_executes(nora, alice, manager, entered, execute):
    assert not in_force(nora).exists()

    executed = execute(entered, by=alice)

    grant = in_force(nora).get()
    assert (grant.request, grant.granted_by) == (executed, alice)
    assert not grant.is_provisional
    assert (executed.entered_by, executed.closed_by) == (manager, alice)
    executed.challenge.refresh_from_db()
    assert executed.challenge.state == "consumed"


@pytest.mark.cfr("1311.120(b)(23)")
@pytest.mark.cfr("1311.150(a)(4)")
def test_every_step_is_on_the_record(nora, alice, manager, entered, execute):
    execute(entered, by=alice)

    steps = [Act.ACCESS_ENTERED, Act.ACCESS_EXECUTED, Act.ACCESS_GRANTED]
    found = Event.objects.filter(act__in=steps).order_by("at")
    assert [(event.act, event.actor) for event in found] == [
        ("access.entered", manager.username),
        ("access.executed", "alice"),
        ("access.granted", "alice"),
    ]
    assert found[1].subject.endswith(str(entered.public_id))
    assert found[1].detail["own"] is False


@pytest.mark.cfr("1311.125(b)")
def test_a_grant_says_what_was_seen_of_the_authority(nora, manager, entered):
    seen = Verification.objects.get(request=entered)

    assert seen.verified_by == manager
    assert seen.dea_registration == nora.dea_registrations.get()
    assert seen.dea_expires_on == nora.dea_registrations.get().expires_on
    assert seen.state_license == nora.state_licenses.get()
    assert (seen.dea_source, seen.state_source) == ("web", "board")
    assert timezone.now() - seen.verified_at < timedelta(minutes=1)


@pytest.mark.cfr("1311.125(b)")
@pytest.mark.parametrize("field", ["dea_expires_on", "license_expires_on"])
def test_what_was_seen_has_to_be_what_is_registered(nora, manager, practice, field):
    seen = seen_of(nora, **{field: practice.today() + WEEK})

    with refused("not_verified"):
        access_requests.request_grant(nora, practice=practice, by=manager, look_up=seen)
    assert not AccessRequest.objects.filter(provider=nora).exists()


@pytest.mark.cfr("1311.125(b)")
@pytest.mark.parametrize("seen_until", [None, WEEK])
def test_a_state_s_own_registration_is_looked_up_too(
    nora, manager, practice, seen_until
):
    """Where it is applicable: State authorization to dispense (21 CFR 1311.125(b))."""
    register_with_state(nora, until=practice.today() + 2 * WEEK)
    seen = seen_of(
        nora, registration_expires_on=seen_until and practice.today() + seen_until
    )

    with refused("not_verified"):
        access_requests.request_grant(nora, practice=practice, by=manager, look_up=seen)


@pytest.mark.cfr("1311.125(b)")
def test_a_state_s_own_registration_is_part_of_what_is_executed(
    nora, alice, manager, practice, execute
):
    until = practice.today() + 2 * WEEK
    register_with_state(nora, until=until)
    entered = access_requests.request_grant(
        nora, practice=practice, by=manager, look_up=seen_of(nora)
    )

    seen = approval.content(entered)["verification"]
    assert seen["state_registration"] == "CSR-1"
    assert seen["state_registration_expires_on"] == until.isoformat()
    nora.state_licenses.update(registration_number="CSR-2")
    with refused("changed"):
        execute(entered, by=alice)


@pytest.mark.cfr("1311.125(b)")
def test_somebody_else_s_registration_is_no_verification(
    nora, alice, manager, practice
):
    others = seen_of(nora, dea_registration=alice.provider.dea_registrations.get())

    with refused("not_verified"):
        access_requests.request_grant(
            nora, practice=practice, by=manager, look_up=others
        )


@pytest.mark.cfr("1311.125(b)")
@pytest.mark.parametrize(
    ("rows", "code"),
    [("dea_registrations", "dea_expired"), ("state_licenses", "license_expired")],
)
def test_lapsed_authority_is_not_granted(nora, manager, practice, rows, code):
    getattr(nora, rows).update(expires_on=practice.today() - WEEK)

    with refused(code):
        access_requests.request_grant(
            nora, practice=practice, by=manager, look_up=seen_of(nora)
        )
    assert refusals() == [code]


@pytest.mark.cfr("1311.125(b)")
def test_authority_that_lapsed_since_is_not_granted(
    nora, alice, entered, execute, practice
):
    nora.state_licenses.update(expires_on=practice.today() - WEEK)

    with refused("license_expired"):
        execute(entered, by=alice)
    assert not in_force(nora).exists()


@pytest.mark.cfr("1311.125(b)")
def test_what_was_seen_long_ago_is_looked_up_again(
    nora, alice, entered, execute, time_machine
):
    time_machine.move_to(timezone.now() + timedelta(days=31))

    with refused("stale"):
        execute(entered, by=alice)


@pytest.mark.cfr("1311.105(a)(1)")
def test_only_a_verified_identity_is_given_the_right(practice, alice, manager):
    nina = make_provider("nina", practice=practice)

    with refused("not_proofed"):
        access_requests.request_grant(
            nina, practice=practice, by=manager, look_up=seen_of(nina)
        )


@pytest.mark.cfr("1311.105(a)(1)")
def test_an_identity_with_another_name_is_not_given_the_right(nora, manager, practice):
    nora.user.idme_accounts.update(last_name="Miller")

    with refused("not_proofed"):
        access_requests.request_grant(
            nora, practice=practice, by=manager, look_up=seen_of(nora)
        )
