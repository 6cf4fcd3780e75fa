"""What tests of access requests look at."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from audit.acts import Act, Outcome
from audit.models import Event
from providers.models import AccessGrant, AccessRequest, AccessState
from providers.permissions import AccessRefused

WEEK = timedelta(days=7)


def in_force(provider):
    return AccessGrant.objects.current().filter(provider=provider)


def refused(code):
    return pytest.raises(AccessRefused, check=lambda refusal: refusal.reason == code)


def refusals():
    found = Event.objects.filter(act=Act.ACCESS_REFUSED, outcome=Outcome.FAILURE)
    return [event.detail["reason"] for event in found.order_by("at")]


def executed(entered, *, by, challenge, **overrides):
    facts = {
        "state": AccessState.EXECUTED,
        "closed_by": by,
        "closed_at": timezone.now(),
        "challenge": challenge,
    }
    with transaction.atomic():
        AccessRequest.objects.filter(pk=entered.pk).update(**facts | overrides)
