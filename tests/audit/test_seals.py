import pytest
from django.test import override_settings

from audit import chain, seals
from audit.acts import Act
from audit.models import Event
from audit.verification import RecordBroken, verify

OLD, NEW = ("a1", b"a" * 32), ("a2", b"b" * 32)


def test_a_field_cannot_pass_for_another(nora):
    """A nickname that reads like fields is sealed as the one text it is."""
    event = chain.record(
        Act.DEVICE_RENAMED, by=nora, nickname='x","actor":"admin","reason":"'
    )
    forged = seals.event_fields(event) | {"detail": {"nickname": "x"}, "actor": "admin"}

    assert seals.seal(forged) != event.hash


@pytest.mark.parametrize(
    "name", [field.name for field in Event._meta.fields if field.name != "hash"]
)
@override_settings(AUDIT_KEYS=[OLD, ("other", b"b" * 32)])
def test_every_field_is_sealed(five, name):
    changed = seals.event_fields(five[0]) | {name: "other"}

    assert seals.seal(changed) != five[0].hash


def test_an_event_cannot_pass_for_a_checkpoint(five):
    fields = seals.event_fields(five[0]) | {"kind": seals.CHECKPOINT_KIND}

    assert seals.seal(fields) != five[0].hash


def test_the_hash_needs_the_key(five):
    with override_settings(AUDIT_KEYS=[("a1", b"guessed" * 5)]):
        assert seals.seal(seals.event_fields(five[0])) != five[0].hash


def test_old_events_verify_by_key_id_after_a_rotation(five, nora):
    with override_settings(AUDIT_KEYS=[NEW, OLD]):
        assert chain.record(Act.KEY_ROTATED, by=nora).key_id == "a2"
        assert verify().events == 6
        assert chain.check_health() == []


def test_a_key_that_is_gone_is_named(five, nora):
    with override_settings(AUDIT_KEYS=[NEW]):
        with pytest.raises(RecordBroken, match="no key 'a1'"):
            verify()
        assert "no key 'a1'" in chain.check_health()[0]
