"""What nobody types by accident is refused at its field, or kept and shown as it is."""

import pytest
from django.urls import reverse

from prescriptions.models import Prescription
from tests.factories import make_provider
from tests.prescriptions.factories import make_drug, make_patient, make_pharmacy

pytestmark = pytest.mark.django_db

REFUSED = [
    ("quantity", "-1"),
    ("quantity", "0"),
    ("quantity", "Infinity"),
    ("quantity", "1" * 5000),
    ("partial_fill_quantity", "0"),
    ("partial_fill_quantity", "sNaN"),
    ("days_supply", "1.5"),
    ("days_supply", "9" * 5000),
    ("refills", "9" * 5000),
    ("refills", "five"),
    ("earliest_fill_on", "2026-02-30"),
    ("earliest_fill_on", "10000-01-01"),
    ("emergency_oral_on", "0000-01-01"),
    ("directions", "Take\x07one"),
    ("directions", "Take \u202eeno"),
    ("note", "\ue000"),
    ("supervisor", "-1"),
    ("supervisor", "1 OR 1=1"),
    ("supervisor", "9" * 30),
    ("dea_registration", "9" * 30),
    ("pharmacy", "' --"),
    ("drug", "9" * 30),
]
KEPT = [
    ("earliest_fill_on", "9999-12-31"),
    ("emergency_oral_on", "0001-01-01"),
    ("quantity", "1E+3"),
    ("directions", "<script>alert(1)</script>{{ 7 }}{% now %}"),
    ("note", "☃ 'quoted' & \"so\""),
]


@pytest.fixture
def post(client, alice, practice):
    client.force_login(alice)
    url = reverse("prescription-create", args=[make_patient(practice).public_id])
    written = {
        "prescriber": alice.provider.pk,
        "dea_registration": alice.provider.dea_registrations.get().pk,
        "drug": make_drug().pk,
        "quantity": "30",
        "refills": "0",
        "directions": "Take one tablet.",
        "pharmacy": make_pharmacy().pk,
    }
    return lambda **overrides: client.post(url, written | overrides)


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("field", "value"),
    REFUSED,
    ids=[f"{field}-{n}" for n, (field, _) in enumerate(REFUSED)],
)
def test_it_is_refused_at_its_field(post, field, value):
    response = post(**{field: value})

    assert response.status_code == 422
    assert field in response.context["form"].errors
    assert not Prescription.objects.exists()


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("field", "value"), KEPT, ids=[f"{field}-{n}" for n, (field, _) in enumerate(KEPT)]
)
def test_it_is_kept_and_every_page_shows_it(client, post, field, value):
    response = post(**{field: value})

    assert response.status_code == 302
    draft = Prescription.objects.get()
    for page in ["detail", "edit", "sign"]:
        shown = client.get(reverse(f"prescription-{page}", args=[draft.public_id]))
        assert shown.status_code == 200
        assert "<script>alert" not in shown.text


@pytest.mark.cfr("1311.135(c)")
def test_nobody_of_another_practice_is_named_as_supervisor(post, bob):
    response = post(supervisor=bob.provider.pk)

    assert response.status_code == 422
    assert "supervisor" in response.context["form"].errors


@pytest.mark.cfr("1311.135(c)")
def test_a_colleague_is_named_as_supervisor(post, practice):
    carol = make_provider("carol", practice=practice)

    assert post(supervisor=carol.pk).status_code == 302
    assert Prescription.objects.get().supervisor == carol
