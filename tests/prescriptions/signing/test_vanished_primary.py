"""A primary device that ID.me no longer lists signs nothing, whenever that is learned."""

import re

import pytest
from django.db import transaction
from django.urls import reverse

from mfa import devices
from mfa.models import Device
from mfa.push import answers
from prescriptions.models import SignedRecord, Status
from tests.factories import PASSWORD, code_of, make_paired_phone
from tests.prescriptions.factories import make_ready
from tests.prescriptions.signing.test_signing_by_push import Desk, approve, status_of

pytestmark = pytest.mark.django_db


SIGNED_WITH = "Sign &amp; Send Prescription"


@pytest.fixture
def handset(alice, phone):
    """Alice's primary device; MyiPhone shows codes beside it."""
    Device.objects.filter(pk=phone.pk).update(is_primary=False)
    return make_paired_phone(alice, is_primary=True, name="Handset")


@pytest.fixture
def desk(client, alice, handset):
    client.force_login(alice)
    return Desk(client, make_ready(alice.provider))


def check_it_says_why_and_what_to_do(page, *, lost, suggested):
    assert f"“{lost}”, your primary device, is no longer in your ID.me account" in page
    assert "is no longer your primary device." in page
    assert reverse("device-primary", args=[suggested.public_id]) in page
    assert SIGNED_WITH not in page


@pytest.mark.parametrize("moment", ["before the answer", "after the answer"])
@pytest.mark.cfr("1311.115(a)(3)")
def test_a_push_that_outlives_its_device_signs_nothing(desk, handset, phone, moment):
    desk.ask(handset)
    if moment == "after the answer":
        approve()
    devices.retire_vanished(handset, by=None)
    if moment == "before the answer":
        with pytest.raises(answers.NotOpen):
            approve()

    response = desk.go_on()

    assert status_of(desk.prescription) == Status.READY
    assert not SignedRecord.objects.exists()
    page = response.content.decode()
    check_it_says_why_and_what_to_do(page, lost=handset, suggested=phone)


@pytest.mark.cfr("1311.115(a)(3)")
def test_a_code_of_a_device_that_vanished_on_an_open_page_signs_nothing(
    desk, handset, phone
):
    with transaction.atomic():
        devices.promote(phone, by=phone.user)
    shown = desk.page()
    assert SIGNED_WITH in shown
    digest = re.search(r'name="shown_digest" value="([0-9a-f]{64})"', shown).group(1)
    devices.retire_vanished(phone, by=None)

    response = desk.client.post(
        desk.url,
        {
            "shown_digest": digest,
            "password": PASSWORD,
            "device": str(phone.public_id),
            "code": code_of(phone),
        },
    )

    assert status_of(desk.prescription) == Status.READY
    assert not SignedRecord.objects.exists()
    page = response.content.decode()
    check_it_says_why_and_what_to_do(page, lost=phone, suggested=handset)
