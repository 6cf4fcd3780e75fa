"""The seam between the heart and the kinds of devices."""

import pytest

from mfa import factor
from mfa.forms import ProofForm
from mfa.models import Device, Intent, Kind, Purpose
from mfa.refusals import DeviceNotUsable
from tests.factories import make_device, make_paired_phone
from tests.mfa.conftest import DIGEST, SESSION

pytestmark = pytest.mark.django_db


@pytest.fixture
def intent(alice):
    return Intent(alice, Purpose.SIGN, DIGEST, SESSION)


def test_a_kind_without_a_factor_confirms_nothing(alice, intent):
    text = make_device(alice, kind=Kind.TEXT, name="Text message")

    with pytest.raises(DeviceNotUsable):
        factor.prove(
            intent, device=text, waiting=None, password="p", code="1", message=""
        )


def test_every_kind_that_may_sign_has_a_factor(alice, phone):
    devices = [phone, make_paired_phone(alice)]

    assert {factor.of(device).kind for device in devices} == {"totp", "push"}
    assert Device.objects.filter(user=alice).usable().count() == len(devices)


def test_the_form_asks_the_database_nothing(
    alice, phone, intent, django_assert_num_queries
):
    devices = [phone, make_paired_phone(alice)]

    with django_assert_num_queries(0):
        ProofForm(intent, devices=devices, message="")
