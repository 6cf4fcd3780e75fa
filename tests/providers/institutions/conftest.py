from datetime import timedelta

import pytest
from django.utils import timezone

from providers.access import access_requests
from providers.institutions import roster
from providers.models import AccessGrant, Institution
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
from tests.providers.institutions.checks import CHECKED


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
