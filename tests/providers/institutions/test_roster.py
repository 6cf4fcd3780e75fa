"""21 CFR 1311.130(a): who was proofed in person is on a list that two approved."""

from dataclasses import replace

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from providers import standing
from providers.access import authority
from providers.institutions import roster
from providers.models import Cause, Listing
from tests.factories import make_user
from tests.providers.institutions.checks import CHECKED, refused

pytestmark = pytest.mark.django_db


@pytest.mark.cfr("1311.110(a)")
@pytest.mark.cfr("1311.130(a)")
def test_it_counts_once_two_have_approved_it(ina, ward, hospital, office):
    listing = roster.add(ina, institution=hospital, by=office[0], check=CHECKED)
    for user in office:
        assert Cause.NOT_LISTED in authority.lapses(standing.of(ina, practice=ward))
        roster.approve(listing, by=user)

    assert authority.lapses(standing.of(ina, practice=ward)) == []
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
@pytest.mark.usefixtures("as_owner")
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
