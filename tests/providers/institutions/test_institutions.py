"""21 CFR 1311.130: an institution's number, its list, and its two separate offices."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from audit.acts import Act
from audit.models import Event
from providers import access_managers, authority, readiness
from providers.access import access_requests, suspension
from providers.institutions import roster
from providers.models import (
    AccessGrant,
    Cause,
    CredentialingOfficer,
    DeaRegistration,
    Institution,
    Listing,
)
from providers.refusals import NotAllowed
from tests.factories import (
    make_agent,
    make_dea_number,
    make_designee,
    make_device,
    make_idme_account,
    make_practice,
    make_provider,
    make_user,
    seen_of,
)

pytestmark = pytest.mark.django_db
CHECKED = roster.InPersonCheck(
    photo_id="Passport", state_authority="NY license", privileges="Medicine, 2026"
)


def refused(code):
    return pytest.raises(NotAllowed, check=lambda refusal: refusal.code == code)


@pytest.fixture
def hospital(db):
    return Institution.objects.create(
        name="General Hospital (demo)",
        address_line_1="9 Hospital Road",
        city="Albany",
        state="NY",
        postal_code="12208",
        dea_number=make_dea_number("General"),
        expires_on=timezone.localdate() + timedelta(days=300),
    )


@pytest.fixture
def ward(hospital):
    """A location of the hospital."""
    return make_practice(name="Ward 3 (demo)", institution=hospital)


@pytest.fixture
def office(hospital):
    """Two of the proofing office."""
    people = [make_user("petra"), make_user("paul")]
    for user in people:
        roster.appoint_officer(user, institution=hospital, by=None)
    return people


@pytest.fixture
def setters(ward):
    """Two who set access at the ward, neither of them a registrant."""
    people = [make_agent(name, practice=ward) for name in ("dora", "dirk")]
    for user in people:
        make_designee(user, practice=ward)
        make_idme_account(user)
        make_device(user)
    return people


@pytest.fixture
def ina(ward, hospital):
    """A resident, who prescribes under the hospital's number."""
    ina = make_provider("ina", practice=ward)
    make_idme_account(ina.user)
    make_device(ina.user, is_primary=True)
    ina.dea_registrations.update(
        institution=hospital, number=hospital.dea_number, internal_code="A12"
    )
    return ina


@pytest.fixture
def listed(ina, hospital, office):
    """Ina, on the list, approved by two."""
    listing = roster.add(ina, institution=hospital, by=office[0], check=CHECKED)
    for user in office:
        roster.approve(listing, by=user)
    return listing


@pytest.fixture
def granted(ina, listed, ward, setters, execute):
    entered = access_requests.request_grant(
        ina, practice=ward, by=setters[0], look_up=seen_of(ina)
    )
    execute(entered, by=setters[1])
    return AccessGrant.objects.current().get(provider=ina)


def labels_of(provider, practice):
    found = readiness.blockers_to_signing(
        provider, practice=practice, on=practice.today()
    )
    return [blocker.label for blocker in found]


# 1301.22(c): the number and the code.


@pytest.mark.cfr("1301.22(c)")
@pytest.mark.cfr("1311.120(b)(1)(ii)")
def test_the_number_is_written_with_the_internal_code(ina, hospital, alice):
    assert ina.dea_registrations.get().as_written == f"{hospital.dea_number}-A12"
    own = alice.provider.dea_registrations.get()
    assert own.as_written == own.number


@pytest.mark.both_databases
@pytest.mark.cfr("1311.120(b)(1)(ii)")
@pytest.mark.parametrize(
    "half", [{"internal_code": ""}, {"institution": None}], ids=["no code", "no number"]
)
def test_one_without_the_other_is_refused(ina, half):
    with (
        pytest.raises(
            IntegrityError, match="dea_registration_of_institution_has_a_code"
        ),
        transaction.atomic(),
    ):
        ina.dea_registrations.update(**half)


@pytest.mark.both_databases
@pytest.mark.cfr("1301.22(c)")
def test_a_code_is_one_practitioner_s(ina, alice, hospital, ward):
    with pytest.raises(IntegrityError), transaction.atomic():
        DeaRegistration.objects.create(
            provider=alice.provider,
            practice=ward,
            institution=hospital,
            internal_code="A12",
            number=hospital.dea_number,
            state="NY",
            expires_on=hospital.expires_on,
        )


@pytest.mark.cfr("1301.22(c)")
def test_several_practitioners_share_the_number(ina, alice, hospital, ward):
    DeaRegistration.objects.create(
        provider=alice.provider,
        practice=ward,
        institution=hospital,
        internal_code="B7",
        number=hospital.dea_number,
        state="NY",
        expires_on=hospital.expires_on,
    )

    assert hospital.registrations.count() == 2


@pytest.mark.both_databases
def test_the_number_is_the_institution_s(ina):
    with pytest.raises(IntegrityError, match="not that of"), transaction.atomic():
        ina.dea_registrations.update(number=make_dea_number("Other"))


# 1311.130(a): the list.


@pytest.mark.cfr("1311.110(a)")
@pytest.mark.cfr("1311.130(a)")
def test_it_counts_once_two_have_approved_it(ina, ward, hospital, office):
    listing = roster.add(ina, institution=hospital, by=office[0], check=CHECKED)
    for user in office:
        assert Cause.NOT_LISTED in authority.lapses(ina, practice=ward, on=ward.today())
        roster.approve(listing, by=user)

    assert authority.lapses(ina, practice=ward, on=ward.today()) == []
    listing.refresh_from_db()
    assert (listing.photo_id, listing.privileges) == ("Passport", "Medicine, 2026")


@pytest.mark.parametrize("nothing", ["", " "])
@pytest.mark.parametrize(
    "unseen",
    [
        pytest.param("photo_id", marks=pytest.mark.cfr("1311.110(a)(1)")),
        pytest.param("state_authority", marks=pytest.mark.cfr("1311.110(a)(2)")),
        pytest.param("privileges", marks=pytest.mark.cfr("1311.110(a)(3)")),
    ],
)
def test_nobody_is_listed_of_whom_something_was_not_looked_at(
    client, ina, hospital, office, unseen, nothing
):
    checked = replace(CHECKED, **{unseen: nothing})
    with refused("not_checked"):
        roster.add(ina, institution=hospital, by=office[0], check=checked)

    client.force_login(office[0])
    page = reverse("listing-enter", args=[hospital.public_id])
    response = client.post(page, {"provider": ina.pk, **vars(checked)})

    assert response.status_code == 422
    assert not Listing.objects.exists()


@pytest.mark.both_databases
@pytest.mark.cfr("1311.130(a)")
def test_one_person_does_not_approve_twice(ina, hospital, office):
    listing = roster.add(ina, institution=hospital, by=office[0], check=CHECKED)
    roster.approve(listing, by=office[0])

    with refused("same_person"):
        roster.approve(listing, by=office[0])
    with (
        pytest.raises(IntegrityError, match="listing_approved_by_two"),
        transaction.atomic(),
    ):
        Listing.objects.filter(pk=listing.pk).update(second_approved_by=office[0])


@pytest.mark.cfr("1311.130(a)")
def test_a_third_approval_is_none(listed, hospital):
    pia = make_user("pia")
    roster.appoint_officer(pia, institution=hospital, by=None)

    with refused("closed"):
        roster.approve(listed, by=pia)


@pytest.mark.cfr("1311.130(a)")
@pytest.mark.cfr("1311.130(b)")
def test_only_the_proofing_office_keeps_the_list(ina, hospital, setters, alice):
    for stranger in (setters[0], alice):
        with refused("not_officer"):
            roster.add(ina, institution=hospital, by=stranger, check=CHECKED)
    assert not Listing.objects.exists()


@pytest.mark.both_databases
@pytest.mark.cfr("1311.130(a)")
def test_a_stranger_s_approval_cannot_be_written(ina, hospital, office, mallory):
    listing = roster.add(ina, institution=hospital, by=office[0], check=CHECKED)

    with pytest.raises(IntegrityError, match="proofing office"), transaction.atomic():
        Listing.objects.filter(pk=listing.pk).update(first_approved_by=mallory)


def test_nobody_proofs_themselves(ina, hospital):
    roster.appoint_officer(ina.user, institution=hospital, by=None)

    with refused("self"):
        roster.add(ina, institution=hospital, by=ina.user, check=CHECKED)


def test_who_works_elsewhere_is_not_listed(alice, hospital, office):
    with refused("left"):
        roster.add(alice.provider, institution=hospital, by=office[0], check=CHECKED)


def test_nobody_is_listed_twice(listed, ina, hospital, office):
    with refused("open_already"):
        roster.add(ina, institution=hospital, by=office[0], check=CHECKED)


@pytest.mark.both_databases
def test_what_was_listed_is_neither_changed_nor_deleted(listed, mallory):
    changes = [
        {"photo_id": "other"},
        {"first_approved_by": None},
        {"entered_by": mallory},
    ]
    for change in changes:
        with pytest.raises(IntegrityError), transaction.atomic():
            Listing.objects.filter(pk=listed.pk).update(**change)
    with pytest.raises(IntegrityError, match="is kept"), transaction.atomic():
        listed.delete()


# 1311.130(b): those who set access are others.


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


# 1311.130(d): it ends.


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


# The pages of the proofing office.


@pytest.mark.cfr("1311.130(a)")
def test_the_office_lists_and_approves_on_its_page(client, ina, hospital, office):
    page = reverse("listing-list", args=[hospital.public_id])
    client.force_login(office[0])
    settings_page = client.get(reverse("provider-settings")).content.decode()
    assert page in settings_page

    entered = client.post(
        reverse("listing-enter", args=[hospital.public_id]),
        {"provider": ina.pk, **vars(CHECKED)},
    )
    listing = Listing.objects.get()
    assert entered.url == page
    for user in office:
        client.force_login(user)
        client.post(reverse("listing-approve", args=[listing.public_id]))

    listing.refresh_from_db()
    assert listing.is_approved
    assert "Approved by two" in client.get(page).content.decode()


def test_approving_twice_is_told_on_the_page(client, ina, hospital, office):
    listing = roster.add(ina, institution=hospital, by=office[0], check=CHECKED)
    client.force_login(office[0])
    for _ in range(2):
        response = client.post(
            reverse("listing-approve", args=[listing.public_id]), follow=True
        )

    assert "You approved it already" in response.content.decode()
    assert Event.objects.filter(act=Act.ACCESS_REFUSED).count() == 1


@pytest.mark.cfr("1311.130(d)")
def test_the_office_takes_somebody_off_on_its_page(client, granted, listed, office):
    client.force_login(office[1])
    page = reverse("listing-end", args=[listed.public_id])
    assert client.post(page, {"reason": ""}).status_code == 422

    client.post(page, {"reason": "left"})

    listed.refresh_from_db()
    assert listed.ended_by == office[1]
    assert granted.suspensions.exists()


@pytest.mark.cfr("1311.130(c)")
def test_the_office_says_who_no_longer_belongs_to_it(client, hospital, office):
    client.force_login(office[1])
    officer = CredentialingOfficer.objects.get(user=office[0])

    client.post(reverse("listing-officer-end", args=[hospital.public_id, officer.pk]))

    officer.refresh_from_db()
    assert officer.until


def test_the_list_is_closed_to_everybody_else(client, listed, hospital, setters, ina):
    for stranger in (setters[0], ina.user):
        client.force_login(stranger)
        for name in ("listing-list", "listing-enter"):
            path = reverse(name, args=[hospital.public_id])
            assert client.get(path).status_code == 404
        for name in ("listing-approve", "listing-end"):
            path = reverse(name, args=[listed.public_id])
            assert client.post(path, {"reason": "x"}).status_code == 404
    listed.refresh_from_db()
    assert listed.is_approved
