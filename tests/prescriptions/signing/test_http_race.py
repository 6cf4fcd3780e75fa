"""One code posted by eight clients at once signs exactly one prescription."""

from functools import partial

import pytest
from django.test import Client
from django.urls import reverse

from audit.verification import verify
from mfa.models import Device, UserThrottle
from prescriptions import content
from prescriptions.models import SignedRecord, Status
from tests.factories import PASSWORD, code_of
from tests.prescriptions.factories import make_drug, make_ready
from tests.threads import at_once

pytestmark = [
    pytest.mark.race,
    pytest.mark.django_db(transaction=True),
    pytest.mark.both_databases,
    pytest.mark.slow,
]
CLIENTS = 8
ROUNDS = 20
NO_SERIES = "Alprazolam 0.5 mg tablet"  # of Schedule IV: as many as one likes


def test_one_code_from_eight_clients_signs_one_of_eight_twenty_rounds_of_twenty(alice):
    device = alice.mfa_devices.get()
    patient = make_ready(alice.provider).patient

    for round_ in range(ROUNDS):
        _forget_failures_and_time(alice, device)
        waiting = [
            make_ready(alice.provider, patient=patient, drug=make_drug(NO_SERIES))
            for _ in range(CLIENTS)
        ]
        code = code_of(device)
        clients = [_signed_in(alice) for _ in range(CLIENTS)]

        posts = [
            partial(_post, client, prescription, code)
            for client, prescription in zip(clients, waiting, strict=True)
        ]

        responses = at_once(lambda number, posts=posts: posts[number](), times=CLIENTS)

        statuses = sorted(response.status_code for response in responses)
        assert statuses == [302] + [422] * (CLIENTS - 1)
        assert SignedRecord.objects.count() == round_ + 1
        for prescription in waiting:
            prescription.refresh_from_db()
        assert sum(one.status == Status.QUEUED for one in waiting) == 1

    verify()


def _signed_in(user) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def _post(client, prescription, code):
    return client.post(
        reverse("prescription-sign", args=[prescription.public_id]),
        {
            "password": PASSWORD,
            "code": code,
            "shown_digest": content.digest(prescription),
        },
    )


def _forget_failures_and_time(user, device) -> None:
    """Let the next round begin as if the day were over: no locks, no used steps."""
    UserThrottle.objects.filter(user=user).update(
        locked_until=None, throttling_failure_count=0, failures_since_success=0
    )
    Device.objects.filter(pk=device.pk).update(
        last_step=-1,
        burned_step=-1,
        locked_until=None,
        throttling_failure_count=0,
        failures_since_success=0,
    )
