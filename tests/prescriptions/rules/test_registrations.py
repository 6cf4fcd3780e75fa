"""Under which DEA number a prescription is issued (21 CFR 1311.120(b)(1), (7))."""

import pytest
from django.urls import reverse

from prescriptions import content
from prescriptions.models import Prescription
from prescriptions.signing import ceremony
from providers import identifiers
from providers.models import Institution
from tests.factories import make_dea_number, make_provider, make_registration
from tests.prescriptions.factories import (
    make_draft,
    make_drug,
    make_patient,
    make_pharmacy,
)
from tests.prescriptions.rules.unsaved import a_prescription, labels

pytestmark = pytest.mark.django_db


@pytest.fixture
def written(practice):
    """What somebody types into the form, but for whose it is."""
    return {
        "drug": make_drug().pk,
        "quantity": "30",
        "refills": "0",
        "directions": "Take one tablet.",
        "pharmacy": make_pharmacy().pk,
    }


@pytest.fixture
def url(practice):
    patient = make_patient(practice)
    return reverse("prescription-create", args=[patient.public_id])


def offered(response):
    field = response.context["form"].fields["dea_registration"]
    return {registration.number for registration in field.queryset}


@pytest.mark.cfr("1311.120(b)(7)")
def test_the_only_registration_is_taken(alice):
    draft = make_draft(alice.provider)

    assert draft.dea_registration == alice.provider.dea_registrations.get()


@pytest.mark.cfr("1311.120(b)(7)")
@pytest.mark.parametrize("other", [{}, {"state": "CA"}, {"schedules": "IV,V"}])
def test_of_several_registrations_none_is_assumed(alice, practice, other):
    make_registration(alice.provider, practice=practice, **other)

    draft = make_draft(alice.provider)

    assert draft.dea_registration is None
    with pytest.raises(ceremony.NotSignable, match="No DEA registration is chosen"):
        ceremony.mark_ready(draft, by=alice)


@pytest.mark.cfr("1311.120(b)(7)")
@pytest.mark.parametrize(
    "over", [{"expires_on": "2020-01-01"}, {"ended_on": "2020-01-01"}]
)
def test_what_is_over_is_no_choice(alice, practice, over):
    make_registration(alice.provider, practice=practice, **over)

    assert make_draft(alice.provider).dea_registration is not None


@pytest.mark.cfr("1311.120(b)(7)")
@pytest.mark.cfr("1311.135(b)")
@pytest.mark.parametrize("who", ["alice", "sam"])
@pytest.mark.parametrize("other", [{}, {"state": "CA"}])
def test_practitioner_or_agent_has_to_choose(
    request, client, alice, practice, written, url, who, other
):
    first = alice.provider.dea_registrations.get()
    make_registration(alice.provider, practice=practice, **other)
    client.force_login(request.getfixturevalue(who))
    written["prescriber"] = alice.provider.pk

    page = client.get(url)
    refused = client.post(url, written)

    assert page.context["form"]["dea_registration"].initial is None
    assert refused.status_code == 422
    assert "several DEA registrations" in str(refused.context["form"].errors)
    assert not Prescription.objects.exists()

    client.post(url, written | {"dea_registration": first.pk})
    assert Prescription.objects.get().dea_registration == first


@pytest.mark.cfr("1311.135(b)")
def test_registrations_of_other_states_are_not_offered(client, alice, practice, url):
    make_registration(alice.provider, practice=practice, state="CA")
    client.force_login(alice)

    assert offered(client.get(url)) == {
        alice.provider.dea_registrations.get(state="NY").number
    }


@pytest.mark.cfr("1301.12")
@pytest.mark.cfr("1311.135(b)")
def test_the_registration_is_one_of_the_state_of_the_location(alice, practice):
    elsewhere = make_registration(alice.provider, practice=practice, state="CA")
    draft = make_draft(alice.provider, dea_registration=elsewhere)

    with pytest.raises(
        ceremony.NotSignable, match="is for CA, and this practice is in"
    ):
        ceremony.mark_ready(draft, by=alice)


@pytest.mark.cfr("1306.05(a)")
def test_nobody_prescribes_under_a_colleagues_number(
    client, alice, sam, practice, written, url
):
    carol = make_provider("carol", practice=practice)
    client.force_login(sam)
    number = carol.dea_registrations.get()

    refused = client.post(
        url, written | {"prescriber": alice.provider.pk, "dea_registration": number.pk}
    )

    assert refused.status_code == 422
    assert "is not one of Alice Example" in str(refused.context["form"].errors)


@pytest.fixture
def hospital():
    return Institution.objects.create(
        name="General Hospital",
        dea_number=make_dea_number("9"),
        expires_on="2099-01-01",
        address_line_1="1 Hospital Road",
        city="Albany",
        state="NY",
        postal_code="12208",
    )


@pytest.mark.cfr("1306.05(g)")
@pytest.mark.cfr("1311.120(b)(1)(ii)")
def test_the_hospitals_number_carries_the_internal_code(client, alice, hospital):
    alice.provider.dea_registrations.update(
        institution=hospital, internal_code="A12", number=hospital.dea_number
    )
    draft = make_draft(alice.provider)
    client.force_login(alice)
    page = client.get(reverse("prescription-sign", args=[draft.public_id]))

    prescriber = content.canonical(draft)["prescriber"]
    assert prescriber["dea_number"] == f"{hospital.dea_number}-A12"
    assert prescriber["institution"] == {
        "name": "General Hospital",
        "dea_number": hospital.dea_number,
        "internal_code": "A12",
    }
    assert f"DEA {hospital.dea_number}-A12 of General Hospital" in page.text


@pytest.mark.cfr("1306.05(b)")
@pytest.mark.parametrize("number", ["XA1388568", "XB1388568", "X91388568"])
def test_a_waiver_number_is_no_registration(number):
    assert identifiers.is_dea_number(number.replace("X", "B", 1))
    assert not identifiers.is_dea_number(number)


@pytest.mark.cfr("1306.05(b)")
@pytest.mark.parametrize("code", ["9064"])
def test_buprenorphine_needs_no_other_number_than_the_registration(code):
    prescription = a_prescription("III")
    prescription.drug.dea_code = code

    assert labels(prescription) == []
