import pytest

from mfa.models import Device, Purpose
from mfa.push import pushes
from tests.factories import PASSWORD, intent_of, make_paired_phone
from tests.mfa.conftest import DIGEST, SESSION
from tests.mfa.push.steps import MESSAGE


@pytest.fixture
def handset(alice, phone):
    """Alice's primary device: a phone that is pushed to."""
    Device.objects.filter(pk=phone.pk).update(is_primary=False)
    return make_paired_phone(alice, is_primary=True)


@pytest.fixture
def start(alice, handset):
    def start(**overrides):
        facts = {
            "device": handset,
            "purpose": Purpose.SIGN,
            "payload_digest": DIGEST,
            "message": MESSAGE,
            "password": PASSWORD,
            "session_key": SESSION,
        } | overrides
        return pushes.start(intent_of(facts, user=alice), **facts)

    return start


@pytest.fixture
def push(start):
    return start().push
