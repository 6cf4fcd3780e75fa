"""21 CFR 1311.125(c): one designee enters, another one executes with both factors."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from audit.acts import Act, Outcome
from audit.models import Event
from mfa.models import Purpose
from mfa.refusals import NotRedeemable
from providers import access_managers, readiness
from providers.access import access_requests, approval
from providers.models import (
    AccessGrant,
    AccessKind,
    AccessRequest,
    AccessState,
    Designee,
    Verification,
)
from providers.refusals import NotAllowed
from tests.factories import (
    make_agent,
    make_consumed_challenge,
    make_designee,
    make_device,
    make_idme_account,
    make_provider,
    make_ready_provider,
    make_request,
    make_user,
    register_with_state,
    seen_of,
)
from tests.providers.conftest import SESSION, passed
from tests.threads import at_once

pytestmark = pytest.mark.django_db
WEEK = timedelta(days=7)


def in_force(provider):
    return AccessGrant.objects.current().filter(provider=provider)


def refused(code):
    return pytest.raises(NotAllowed, check=lambda refusal: refusal.code == code)


def refusals():
    found = Event.objects.filter(act=Act.ACCESS_REFUSED, outcome=Outcome.FAILURE)
    return [event.detail["reason"] for event in found.order_by("at")]


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


@pytest.mark.cfr("1311.125(c)")
@pytest.mark.cfr("1311.125(d)")
def test_an_end_is_executed_by_two_and_stops_signing_at_once(
    nora, alice, manager, practice, entered, execute
):
    execute(entered, by=alice)

    ending = access_requests.request_revocation(
        nora, practice=practice, by=manager, reason="left the practice"
    )

    found = readiness.blockers_to_signing(nora, practice=practice, on=practice.today())
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
        alice.provider, practice=elsewhere, on=elsewhere.today()
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
        "AccessRequest",
        "NotAllowed",
    ]
    assert in_force(nora).count() == 1


def _broken(*args, **kwargs):
    raise RuntimeError("the record cannot be written")


# What the database refuses, whoever writes to it.


def by_sql(statement, *values):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def executed(entered, *, by, challenge, **overrides):
    facts = {
        "state": AccessState.EXECUTED,
        "closed_by": by,
        "closed_at": timezone.now(),
        "challenge": challenge,
    }
    with transaction.atomic():
        AccessRequest.objects.filter(pk=entered.pk).update(**facts | overrides)


@pytest.mark.both_databases
@pytest.mark.cfr("1311.120(b)(2)(i)")
@pytest.mark.cfr("1311.120(b)(4)")
@pytest.mark.parametrize("request_of", ["nobody", "waiting", "other"])
def test_a_grant_without_an_executed_request_cannot_be_inserted(
    nora, alice, practice, entered, request_of
):
    requests = {
        "nobody": None,
        "waiting": entered,
        "other": in_force(alice.provider).get().request,
    }
    AccessGrant.objects.filter(provider=alice.provider)
    with pytest.raises(IntegrityError), transaction.atomic():
        AccessGrant.objects.create(
            provider=nora,
            practice=practice,
            request=requests[request_of],
            granted_by=alice,
            granted_at=timezone.now(),
        )


@pytest.mark.both_databases
@pytest.mark.cfr("1311.120(b)(4)")
def test_a_provisional_grant_cannot_be_inserted_any_more(nora, alice):
    with (
        pytest.raises(IntegrityError, match="two people give"),
        transaction.atomic(),
    ):
        AccessGrant.objects.create(
            provider=nora,
            granted_by=alice,
            granted_at=timezone.now(),
            is_provisional=True,
        )


@pytest.mark.both_databases
@pytest.mark.cfr("1311.120(b)(4)")
def test_a_request_is_not_executed_by_who_entered_it(alice, manager, entered):
    challenge = make_consumed_challenge(alice, payload_digest=entered.digest)
    with pytest.raises(
        IntegrityError, match=r"second designee|access_request_executed_by_two"
    ):
        executed(entered, by=manager, challenge=challenge)


@pytest.mark.both_databases
@pytest.mark.cfr("1311.120(b)(3)")
def test_a_request_is_not_executed_without_a_dea_number(sam, practice, entered):
    make_designee(sam, practice=practice)
    make_device(sam)
    challenge = make_consumed_challenge(sam, payload_digest=entered.digest)
    with pytest.raises(IntegrityError, match="second designee"):
        executed(entered, by=sam, challenge=challenge)


@pytest.mark.both_databases
@pytest.mark.cfr("1311.120(b)(5)")
@pytest.mark.parametrize("wrong", ["none", "other content", "of another"])
def test_a_request_is_not_executed_without_both_factors(alice, bob, entered, wrong):
    challenges_of = {
        "none": lambda: None,
        "other content": lambda: make_consumed_challenge(
            alice, payload_digest="0" * 64
        ),
        "of another": lambda: make_consumed_challenge(
            bob, payload_digest=entered.digest
        ),
    }
    with pytest.raises(
        IntegrityError, match=r"second designee|access_request_executed_by_two"
    ):
        executed(entered, by=alice, challenge=challenges_of[wrong]())


@pytest.mark.both_databases
@pytest.mark.cfr("1311.125(c)")
def test_a_request_is_not_executed_for_oneself(nora, practice, entered):
    make_designee(nora.user, practice=practice)
    challenge = make_consumed_challenge(nora.user, payload_digest=entered.digest)
    with pytest.raises(IntegrityError, match="second designee"):
        executed(entered, by=nora.user, challenge=challenge)


@pytest.mark.both_databases
@pytest.mark.cfr("1311.125(a)")
def test_a_request_of_a_stranger_cannot_be_inserted(nora, practice, mallory, alice):
    with pytest.raises(IntegrityError, match="a designee"), transaction.atomic():
        make_request(practice=practice, provider=nora, entered_by=mallory)


@pytest.mark.both_databases
def test_a_request_for_oneself_cannot_be_inserted(alice, practice):
    with pytest.raises(IntegrityError, match="themselves"), transaction.atomic():
        make_request(practice=practice, provider=alice.provider, entered_by=alice)


@pytest.mark.both_databases
def test_a_request_is_about_one_person(alice, nora, practice):
    with pytest.raises(IntegrityError, match="one person"), transaction.atomic():
        make_request(practice=practice, provider=nora, person=alice)


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "column", ["kind", "reason", "digest", "entered_at", "person_id", "provider_id"]
)
def test_a_request_is_not_changed(nora, bob, entered, column):
    values = {
        "kind": AccessKind.REVOKE,
        "reason": "other",
        "digest": "0" * 64,
        "entered_at": timezone.now(),
        "person_id": bob.pk,
        "provider_id": bob.provider.pk,
    }
    with pytest.raises(IntegrityError, match="not changed"), transaction.atomic():
        AccessRequest.objects.filter(pk=entered.pk).update(**{column: values[column]})


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "table",
    ["accessrequest", "accessgrant", "verification", "designee"],
)
def test_nothing_of_it_is_deleted(alice, table):
    with pytest.raises(IntegrityError, match="is kept"):
        by_sql(f"DELETE FROM providers_{table}")


@pytest.mark.both_databases
def test_a_verification_is_not_changed(entered):
    with pytest.raises(IntegrityError, match="not changed"):
        by_sql("UPDATE providers_verification SET note = %s", "better")


@pytest.mark.both_databases
@pytest.mark.cfr("1311.125(c)")
def test_a_grant_is_not_ended_by_one_person(alice, manager):
    with pytest.raises(IntegrityError, match="two people end"), transaction.atomic():
        in_force(alice.provider).update(revoked_by=manager, revoked_at=timezone.now())


@pytest.mark.both_databases
@pytest.mark.cfr("1311.125(d)")
def test_an_ended_grant_never_comes_back(alice):
    access_requests.give_up(alice.provider, by=alice, reason="retiring")
    with pytest.raises(IntegrityError, match="not changed"), transaction.atomic():
        AccessGrant.objects.filter(provider=alice.provider).update(
            revoked_by=None, revoked_at=None
        )


@pytest.mark.both_databases
@pytest.mark.cfr("1311.130(c)")
def test_who_was_a_designee_when_stays_on_file(alice, practice, sam):
    make_designee(sam, practice=practice)
    access_managers.resign(sam, practice=practice)
    for change in ({"until": None}, {"user": alice}, {"since": timezone.now()}):
        with pytest.raises(IntegrityError, match="stays"), transaction.atomic():
            Designee.objects.filter(user=sam).update(**change)


# The first designees, and the location that has too few.


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
        alice.provider, practice=practice, on=practice.today()
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

    found = readiness.blockers_to_signing(nora, practice=practice, on=practice.today())
    assert [blocker.label for blocker in found] == [
        "None of those who set access at Main Street Clinic (demo) is a DEA registrant."
    ]


@pytest.mark.cfr("1311.125(a)")
@pytest.mark.cfr("1311.125(c)")
def test_the_way_to_the_first_practitioner(hill, execute):
    practice, olaf, nina = hill
    root = make_user("root", is_staff=True)
    access_managers.designate_first(olaf, practice=practice, by=root)
    access_managers.designate_first(nina.user, practice=practice, by=None)

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

    with pytest.raises(access_managers.NotDesignated, match="has its designees"):
        access_managers.designate_first(sam, practice=practice, by=root)
    assert not access_managers.is_access_manager(sam, practice=practice)
    assert Event.objects.filter(act=Act.PERMISSION_DENIED, actor="root").count() == 1


def test_only_an_administrator_names_the_first(hill):
    practice, olaf, _nina = hill

    with pytest.raises(access_managers.NotDesignated, match="administrator"):
        access_managers.designate_first(olaf, practice=practice, by=olaf)


def test_who_does_not_work_there_is_not_named(hill, mallory):
    practice, _olaf, _nina = hill

    with pytest.raises(access_managers.NotDesignated, match="does not work"):
        access_managers.designate_first(mallory, practice=practice, by=None)


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
        with pytest.raises(NotAllowed, match="Another designee decides"):
            access_requests.decline(entered, by=whose, reason="no")


@pytest.mark.cfr("1311.125(c)")
def test_what_somebody_entered_who_is_no_designee_any_more_is_not_executed(
    entered, alice, manager, execute
):
    Designee.objects.filter(user=manager, until=None).update(until=timezone.now())

    with pytest.raises(NotAllowed, match="no longer sets access"):
        execute(entered, by=alice)
