"""What is signed leaves at once, whenever it may be filled (21 CFR 1311.170(a))."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from prescriptions.models import Status, Transmission
from prescriptions.models.statuses import TRANSITIONS
from tests.prescriptions.factories import make_ready, sign

pytestmark = [pytest.mark.django_db, pytest.mark.cfr("1311.170(a)")]


def test_what_is_filled_later_is_sent_now(
    alice, phone, practice, django_capture_on_commit_callbacks
):
    later = practice.today() + timedelta(days=20)
    ready = make_ready(alice.provider, earliest_fill_on=later)

    with django_capture_on_commit_callbacks(execute=True):
        record = sign(ready, phone)

    message = Transmission.objects.get()
    assert ready.status == Status.QUEUED
    assert message.next_attempt_at == record.signed_at <= timezone.now()
    assert DBTaskResult.objects.get().args_kwargs["args"] == [message.pk]


def test_nothing_signed_can_be_held_back():
    """Signing puts it in the outbox: there is no state in between to wait in."""
    assert not [
        before for before, after in TRANSITIONS.items() if Status.SIGNED in after
    ]
    assert TRANSITIONS[Status.SIGNED] == {Status.QUEUED, Status.CANCELLED}
    assert not TRANSITIONS[Status.QUEUED] & {Status.DRAFT, Status.READY}
