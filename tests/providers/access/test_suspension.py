"""21 CFR 1311.125(d): the right to sign stops on the day, and two people go on."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from audit.acts import Act
from audit.models import Event, Incident, IncidentKind
from mfa import challenges, refusals
from mfa.models import Challenge, ChallengeState, Device, Ending, Intent, Purpose
from mfa.push import answers, pushes
from providers import readiness, standing
from providers.access import access_requests, suspension
from providers.models import AccessGrant, Cause, Suspension
from providers.permissions import AccessRefused
from tests.factories import (
    PASSWORD,
    code_of,
    make_device,
    make_paired_phone,
    make_provider,
    make_ready_provider,
    register_with_state,
    seen_of,
)
from tests.providers.conftest import SESSION
from tests.threads import at_once

pytestmark = pytest.mark.django_db


def causes_of(user):
    held = AccessGrant.objects.current().get(provider__user=user)
    return [suspension.cause for suspension in held.suspensions.all()]


def labels_of(user, practice):
    found = readiness.blockers_to_signing(standing.of(user.provider, practice=practice))
    return [blocker.label for blocker in found]


# 1311.125(d)(1), 1311.102(b): a device.


@pytest.mark.cfr("1311.102(b)")
@pytest.mark.cfr("1311.125(d)(1)")
@pytest.mark.parametrize("cause", suspension.REPORTED)
def test_a_reported_device_stops_everything_at_once(
    alice,
    manager,
    phone,
    practice,
    mailoutbox,
    django_capture_on_commit_callbacks,
    cause,
):
    with django_capture_on_commit_callbacks(execute=True):
        suspension.report_device(phone, by=alice, cause=cause)

    phone.refresh_from_db()
    assert phone.retired_at
    assert not phone.is_primary
    assert causes_of(alice) == [cause]
    assert any("suspended" in label for label in labels_of(alice, practice))
    told = {address for mail in mailoutbox for address in mail.to}
    assert {alice.email, manager.email} <= told
    incident = Incident.objects.get()
    assert (incident.kind, incident.username) == (IncidentKind.LOST_DEVICE, "alice")
    assert Event.objects.filter(act=Act.ACCESS_SUSPENDED, actor="alice").count() == 1
    assert Event.objects.get(act=Act.DEVICE_RETIRED).detail == {"reason": cause}


@pytest.mark.cfr("1311.125(d)(1)")
def test_nothing_that_was_proven_with_it_stays_good(alice, phone):
    passed = challenges.prove(
        Intent(alice, Purpose.SIGN, "0" * 64, SESSION),
        device=phone,
        password=PASSWORD,
        code=code_of(phone),
    )

    suspension.report_device(phone, by=alice, cause=Cause.LOST)

    passed.refresh_from_db()
    assert passed.state == ChallengeState.REFUSED
    with (
        pytest.raises(refusals.NotRedeemable),
        transaction.atomic(),
    ):
        challenges.consume(passed, Intent(alice, Purpose.SIGN, "0" * 64, SESSION))


@pytest.mark.cfr("1311.125(d)(1)")
def test_another_device_does_not_bring_the_right_back(alice, phone, practice):
    other = make_device(alice)
    suspension.report_device(phone, by=alice, cause=Cause.LOST)
    Device.objects.filter(pk=other.pk).update(is_primary=True)

    assert labels_of(alice, practice) == [
        "Your right to sign is suspended: a device was lost."
    ]


def test_a_reported_device_is_not_taken_over_again(alice, phone):
    suspension.report_device(phone, by=alice, cause=Cause.STOLEN)

    phone.refresh_from_db()
    assert phone.retired_because == "removed"


def test_the_device_of_somebody_without_the_right_is_retired_all_the_same(practice):
    nina = make_provider("nina", practice=practice)
    device = make_device(nina.user)

    suspension.report_device(device, by=nina.user, cause=Cause.LOST)

    device.refresh_from_db()
    assert device.retired_at
    assert not Suspension.objects.exists()


def test_only_a_device_is_reported(alice, phone):
    with pytest.raises(ValueError, match="lost, stolen"):
        suspension.report_device(phone, by=alice, cause=Cause.LEFT)


@pytest.mark.cfr("1311.125(d)(1)")
def test_a_password_in_other_hands_suspends_too(alice, practice):
    paired = make_paired_phone(alice)
    asked = pushes.start(
        Intent(alice, Purpose.SIGN, "0" * 64, SESSION),
        device=paired,
        message="Sign something",
        password=PASSWORD,
    )

    answers.deny(asked.push, because=Ending.NOT_ME)

    assert causes_of(alice) == [Cause.COMPROMISED]


# 1311.125(d)(2)-(4): authority.


def expire(alice, rows, on):
    getattr(alice.provider, rows).update(expires_on=on - timedelta(days=1))


LAPSES = [
    pytest.param(
        lambda alice, on: expire(alice, "dea_registrations", on),
        Cause.DEA_EXPIRED,
        marks=pytest.mark.cfr("1311.125(d)(2)"),
        id="registration expired",
    ),
    pytest.param(
        lambda alice, on: alice.provider.dea_registrations.update(ended_on=on),
        Cause.DEA_ENDED,
        marks=pytest.mark.cfr("1311.125(d)(3)"),
        id="registration ended",
    ),
    pytest.param(
        lambda alice, on: expire(alice, "state_licenses", on),
        Cause.LICENSE_EXPIRED,
        marks=pytest.mark.cfr("1311.125(b)"),
        id="license expired",
    ),
    pytest.param(
        lambda alice, on: register_with_state(
            alice.provider, until=on - timedelta(days=1)
        ),
        Cause.LICENSE_EXPIRED,
        marks=pytest.mark.cfr("1311.125(b)"),
        id="State registration expired",
    ),
    pytest.param(
        lambda alice, on: alice.memberships.update(left_on=on),
        Cause.LEFT,
        marks=pytest.mark.cfr("1311.125(d)(4)"),
        id="left the practice",
    ),
]


@pytest.mark.cfr("1311.125(d)(2)")
def test_the_job_lets_the_last_day_pass(alice, practice):
    expire(alice, "dea_registrations", practice.today() + timedelta(days=1))
    expire(alice, "state_licenses", practice.today() + timedelta(days=1))
    register_with_state(alice.provider, until=practice.today())

    suspension.suspend_lapsed()

    assert causes_of(alice) == []


@pytest.mark.parametrize(("lapse", "cause"), LAPSES)
def test_the_job_suspends_who_has_no_authority_left(alice, practice, lapse, cause):
    lapse(alice, practice.today())

    suspension.suspend_lapsed()

    assert causes_of(alice) == [cause]
    event = Event.objects.get(act=Act.ACCESS_SUSPENDED)
    assert (event.actor, event.detail["reason"]) == ("system", cause)


@pytest.mark.parametrize(("lapse", "cause"), LAPSES)
def test_nobody_signs_even_before_the_job_ran(alice, practice, lapse, cause):
    lapse(alice, practice.today())

    assert labels_of(alice, practice)


@pytest.mark.cfr("1311.125(d)")
def test_the_job_leaves_whoever_is_in_order_alone(alice, bob):
    suspension.suspend_lapsed()

    assert not Suspension.objects.exists()


@pytest.mark.cfr("1311.125(d)")
def test_running_it_again_changes_nothing(alice, practice):
    alice.memberships.update(left_on=practice.today())
    suspension.suspend_lapsed()

    suspension.suspend_lapsed()

    assert causes_of(alice) == [Cause.LEFT]
    assert Event.objects.filter(act=Act.ACCESS_SUSPENDED).count() == 1


@pytest.mark.cfr("1311.125(d)(2)")
def test_the_day_is_that_of_the_practice(time_machine, practice):
    time_machine.move_to("2027-01-15T12:00:00Z", tick=False)
    alice = make_ready_provider("alice", practice=practice)
    alice.provider.dea_registrations.update(expires_on="2027-01-15")

    time_machine.move_to("2027-01-16T04:59:00Z", tick=False)  # 23:59 in New York
    suspension.suspend_lapsed()
    assert causes_of(alice) == []

    time_machine.move_to("2027-01-16T05:00:00Z", tick=False)
    suspension.suspend_lapsed()
    assert causes_of(alice) == [Cause.DEA_EXPIRED]


@pytest.mark.cfr("1311.125(d)(2)")
def test_a_renewal_in_time_suspends_nobody(alice, practice):
    alice.provider.dea_registrations.update(
        expires_on=practice.today() + timedelta(days=800)
    )

    suspension.suspend_lapsed()

    assert causes_of(alice) == []


@pytest.mark.cfr("1311.125(c)")
@pytest.mark.cfr("1311.125(d)(2)")
def test_a_renewal_after_the_lapse_needs_two_people(alice, manager, practice, execute):
    alice.provider.state_licenses.update(
        expires_on=practice.today() - timedelta(days=1)
    )
    suspension.suspend_lapsed()
    alice.provider.state_licenses.update(
        expires_on=practice.today() + timedelta(days=700)
    )
    assert labels_of(alice, practice) == [
        "Your right to sign is suspended: the state license or registration expired."
    ]

    again = access_requests.request_grant(
        alice.provider, practice=practice, by=manager, look_up=seen_of(alice.provider)
    )
    execute(again, by=alice)

    assert labels_of(alice, practice) == []
    assert Event.objects.filter(act=Act.ACCESS_RESTORED).count() == 1
    replaced = alice.provider.access_grants.get(revocation=again)
    assert replaced.reason == "Replaced by a new grant."
    assert [one.cause for one in replaced.suspensions.all()] == [Cause.LICENSE_EXPIRED]


@pytest.mark.cfr("1311.125(c)")
def test_who_is_suspended_gives_nobody_else_the_right(
    alice, nora, entered, phone, execute
):
    make_device(alice)
    suspension.report_device(phone, by=alice, cause=Cause.LOST)

    with pytest.raises(AccessRefused) as refusal:
        execute(entered, by=alice)
    assert refusal.value.reason == "suspended"


def test_what_stops_at_one_practice_goes_on_at_another(alice, bob, practice):
    with transaction.atomic():
        stopped = suspension.suspend(
            alice.provider,
            cause=Cause.LEFT,
            practice=bob.memberships.get().practice,
        )

    assert not stopped
    assert causes_of(alice) == []


@pytest.mark.both_databases
@pytest.mark.parametrize("statement", ["DELETE FROM", "UPDATE"])
@pytest.mark.usefixtures("as_owner")
def test_a_suspension_stays_as_it_is(alice, phone, statement):
    suspension.report_device(phone, by=alice, cause=Cause.LOST)
    sql = f"{statement} providers_suspension"
    sql += " SET cause = 'left'" if statement == "UPDATE" else ""

    with (
        pytest.raises(IntegrityError, match=r"kept|not changed"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_two_workers_one_suspends(practice):
    alice = make_ready_provider("alice", practice=practice)
    alice.memberships.update(left_on=timezone.localdate())

    results = at_once(lambda number: suspension.suspend_lapsed(), times=2)

    assert results == [None, None]
    assert causes_of(alice) == [Cause.LEFT]
    assert Event.objects.filter(act=Act.ACCESS_SUSPENDED).count() == 1


@pytest.mark.both_databases
def test_nothing_stops_without_its_event(alice, phone, monkeypatch):
    monkeypatch.setattr("audit.seals.seal", _broken)

    with pytest.raises(RuntimeError):
        suspension.report_device(phone, by=alice, cause=Cause.LOST)
    phone.refresh_from_db()
    assert phone.retired_at is None
    assert Challenge.objects.filter(user=alice, state="consumed").count() == 1


def _broken(*args, **kwargs):
    raise RuntimeError("the record cannot be written")
