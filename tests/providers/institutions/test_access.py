"""21 CFR 1311.130(b), (d): others than the proofing office set access, and it ends."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.acts import Act
from audit.models import Event
from providers import access_managers, readiness, standing
from providers.access import access_requests, suspension
from providers.institutions import roster
from providers.models import AccessGrant, Cause, CredentialingOfficer, Institution
from tests.factories import make_agent, make_designee, seen_of
from tests.providers.institutions.checks import refused

pytestmark = pytest.mark.django_db


def labels_of(provider, practice):
    found = readiness.blockers_to_signing(standing.of(provider, practice=practice))
    return [blocker.label for blocker in found]


@pytest.mark.cfr("1311.130(b)")
def test_one_enters_and_another_executes_with_both_factors(granted, setters):
    request = granted.request

    assert (request.entered_by, request.closed_by) == tuple(setters)
    assert request.challenge.user == setters[1]
    assert not request.is_own


@pytest.mark.cfr("1311.130(b)")
def test_who_entered_it_does_not_execute_it(ina, listed, ward, setters, execute):
    entered = access_requests.request_grant(
        ina, practice=ward, by=setters[0], look_up=seen_of(ina)
    )

    with refused("same_person"):
        execute(entered, by=setters[0])


@pytest.mark.cfr("1311.130(a)")
def test_who_is_not_on_the_list_is_not_granted(ina, ward, setters):
    with refused("not_listed"):
        access_requests.request_grant(
            ina, practice=ward, by=setters[0], look_up=seen_of(ina)
        )


@pytest.mark.cfr("1311.130(b)")
def test_the_two_offices_have_nobody_in_common(ward, hospital, office, setters):
    make_agent("pat", practice=ward)
    assert "does not also set access" in roster.objection_to_officer(
        setters[0], institution=hospital
    )
    with refused("not_named"):
        roster.appoint_officer(setters[0], institution=hospital, by=None)
    ward.memberships.create(user=office[0], role="agent")
    assert "does not also set access" in access_managers.objection_to(
        office[0], practice=ward
    )


@pytest.mark.both_databases
@pytest.mark.cfr("1311.130(b)")
def test_the_database_keeps_the_offices_apart(ward, hospital, office, setters):
    with pytest.raises(IntegrityError, match="not the same"), transaction.atomic():
        CredentialingOfficer.objects.create(
            user=setters[0], institution=hospital, since=timezone.now()
        )
    with pytest.raises(IntegrityError, match="not the same"), transaction.atomic():
        make_designee(office[0], practice=ward)


@pytest.mark.both_databases
@pytest.mark.cfr("1311.130(b)")
def test_a_practice_with_a_shared_person_does_not_join(hospital, office, practice):
    make_designee(office[0], practice=practice)
    practice.institution = hospital

    with pytest.raises(IntegrityError, match="not the same"), transaction.atomic():
        practice.save()


@pytest.mark.both_databases
@pytest.mark.cfr("1311.130(c)")
def test_who_proofed_when_stays_on_file(hospital, office):
    petra, paul = office
    officer = CredentialingOfficer.objects.get(user=petra)
    roster.remove_officer(officer, by=paul)

    officer.refresh_from_db()
    assert officer.until >= officer.since
    assert officer.ended_by == paul
    with pytest.raises(IntegrityError, match="stays"), transaction.atomic():
        CredentialingOfficer.objects.filter(pk=officer.pk).update(until=None)
    acts = Event.objects.filter(act__startswith="credentialing.").order_by("at")
    assert [event.act for event in acts] == [
        Act.CREDENTIALING_OFFICER_NAMED,
        Act.CREDENTIALING_OFFICER_NAMED,
        Act.CREDENTIALING_OFFICER_ENDED,
    ]


@pytest.mark.cfr("1311.130(d)")
def test_off_the_list_means_no_more_signing(granted, listed, ina, ward, office):
    assert labels_of(ina, ward) == []
    with refused("no_reason"):
        roster.remove(listed, by=office[0], reason=" ")

    roster.remove(listed, by=office[0], reason="End of the residency")

    assert [one.cause for one in granted.suspensions.all()] == [Cause.NOT_LISTED]
    assert any("not on the list" in label for label in labels_of(ina, ward))


@pytest.mark.cfr("1311.130(d)")
@pytest.mark.parametrize("field", ["expires_on", "ended_on"])
def test_the_institution_s_own_registration_ends_everybody_s(
    granted, hospital, ina, ward, field
):
    day = ward.today() - timedelta(days=1)
    Institution.objects.filter(pk=hospital.pk).update(**{field: day})

    assert labels_of(ina, ward)
    suspension.suspend_lapsed()
    assert Cause.INSTITUTION in [one.cause for one in granted.suspensions.all()]


@pytest.mark.cfr("1311.130(d)")
def test_the_end_of_the_association_ends_it(granted, ina, ward):
    ina.user.memberships.update(left_on=ward.today())

    suspension.suspend_lapsed()

    assert [one.cause for one in granted.suspensions.all()] == [Cause.LEFT]


@pytest.mark.cfr("1311.130(a)")
def test_the_job_finds_who_is_not_on_the_list(alice, practice, hospital):
    practice.institution = hospital
    practice.save()

    suspension.suspend_lapsed()

    held = AccessGrant.objects.current().get(provider=alice.provider)
    assert [one.cause for one in held.suspensions.all()] == [Cause.NOT_LISTED]
