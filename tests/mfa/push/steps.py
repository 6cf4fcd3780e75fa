"""What tests of pushes do and look at."""

from django.db import transaction

from audit.models import Event
from mfa import challenges
from mfa.models import Purpose, Push
from tests.factories import intent_of
from tests.mfa.conftest import DIGEST, SESSION

NOON = "2026-11-23T12:00:15Z"
MESSAGE = "P.P. Oxycodone hydrochloride 5 mg tablet, 30 tablets"


def consume(alice, challenge, **overrides):
    facts = {
        "purpose": Purpose.SIGN,
        "payload_digest": DIGEST,
        "session_key": SESSION,
    } | overrides
    with transaction.atomic():
        challenges.consume(challenge, intent_of(facts, user=alice))


def acts():
    return list(Event.objects.order_by("at", "sequence").values_list("act", flat=True))


def reload(push):
    return Push.objects.select_related("challenge").get(pk=push.pk)
