"""21 CFR 1301.22(c): the number of an institution, and the code after it."""

import pytest
from django.db import IntegrityError, transaction

from providers.models import DeaRegistration
from tests.factories import make_dea_number

pytestmark = pytest.mark.django_db


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
