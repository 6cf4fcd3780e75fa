"""The pages of the proofing office."""

import pytest
from django.urls import reverse

from audit.acts import Act
from audit.models import Event
from providers.institutions import roster
from providers.models import CredentialingOfficer, Listing
from tests.providers.institutions.checks import CHECKED

pytestmark = pytest.mark.django_db


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
