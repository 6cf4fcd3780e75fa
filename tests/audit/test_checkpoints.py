"""What a chain cannot show by itself: that its end, or all of it, is gone."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from audit import chain, checkpoints
from audit.acts import Act
from audit.models import Checkpoint, Event
from audit.verification import RecordBroken, verify

pytestmark = pytest.mark.both_databases

HEAD_BACK = (
    "UPDATE audit_chainhead SET sequence = 3, hash = "
    "(SELECT hash FROM audit_event WHERE sequence = 3 AND stream = %s) "
    "WHERE stream = %s"
)


@pytest.fixture
def kept(five):
    """A checkpoint as it is after a while in another place."""
    return checkpoints.from_fields(
        json.loads(json.dumps(checkpoints.as_fields(checkpoints.make())))
    )


@pytest.fixture
def cut(kept, nora, tamper):
    """Remove the newest two events of Nora and set the head back to match."""

    def run():
        stream = f"user:{nora.pk}"
        tamper("DELETE FROM audit_event WHERE stream = %s AND sequence > 3", [stream])
        tamper(HEAD_BACK, [stream, stream])

    return run


def test_a_checkpoint_counts_and_names_every_head(five, otto, nora):
    chain.record(Act.SIGN_IN_SUCCEEDED, by=otto)

    checkpoint = checkpoints.make()

    assert (checkpoint.streams, checkpoint.events) == (2, 6)
    assert [head[0] for head in checkpoint.heads] == [
        f"user:{nora.pk}",
        f"user:{otto.pk}",
    ]
    event = Event.objects.get(act=Act.AUDIT_CHECKPOINTED)
    assert event.detail == {"events": 6, "streams": 2}


def test_the_record_may_grow_after_a_checkpoint(kept, nora):
    chain.record(Act.SIGN_OUT_DONE, by=nora)
    checkpoints.make()

    assert verify(external=kept).checkpoints == 2


def test_a_cut_tail_is_named_by_the_last_checkpoint(cut, nora):
    cut()

    with pytest.raises(RecordBroken, match="tail cut") as caught:
        verify()
    assert (caught.value.stream, caught.value.sequence) == (f"user:{nora.pk}", 5)


@pytest.mark.cfr("1311.120(b)(26)")
def test_a_cut_tail_that_grew_again_is_named(cut, nora):
    cut()
    for _ in range(4):
        chain.record(Act.SIGN_IN_SUCCEEDED, by=nora)

    with pytest.raises(RecordBroken, match="has seen another hash"):
        verify()


def test_a_removed_chain_is_named(kept, nora, tamper):
    stream = f"user:{nora.pk}"
    tamper("DELETE FROM audit_event WHERE stream = %s", [stream])
    tamper("DELETE FROM audit_chainhead WHERE stream = %s", [stream])

    with pytest.raises(RecordBroken, match=f"{stream} 5: chain removed"):
        verify()


@pytest.mark.cfr("1311.120(b)(26)")
def test_an_emptied_record_is_named_by_the_checkpoint_kept_elsewhere(kept, tamper):
    for table in ("audit_event", "audit_chainhead", "audit_checkpoint"):
        tamper(f"DELETE FROM {table}")

    assert verify().events == 0
    with pytest.raises(RecordBroken, match="chain removed"):
        verify(external=kept)


def test_no_checkpoint_covers_up_a_cut_tail(cut):
    cut()

    with pytest.raises(checkpoints.NotCheckpointed, match="shorter than at checkpoint"):
        checkpoints.make()
    assert Checkpoint.objects.count() == 1
    refusal = Event.objects.filter(act=Act.AUDIT_CHECKPOINTED).latest("sequence")
    assert refusal.outcome == "failure"
    assert "shorter" in refusal.detail["problem"]


def test_no_checkpoint_covers_up_a_changed_event(five, tamper):
    tamper("UPDATE audit_event SET actor = 'otto' WHERE sequence = 5")

    with pytest.raises(checkpoints.NotCheckpointed, match="was changed"):
        checkpoints.make()


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("UPDATE audit_checkpoint SET events = 4 WHERE sequence = 2", "as it was"),
        ("UPDATE audit_checkpoint SET heads = '[]' WHERE sequence = 2", "as it was"),
        ("UPDATE audit_checkpoint SET key_id = 'b' WHERE sequence = 2", "no key 'b'"),
        ("DELETE FROM audit_checkpoint WHERE sequence = 1", "before it are missing"),
        ("DELETE FROM audit_checkpoint WHERE sequence = 3", "the record tells of 3"),
    ],
)
def test_a_changed_or_removed_checkpoint_is_named(five, tamper, sql, what):
    for _ in range(3):
        checkpoints.make()
    tamper(sql)

    with pytest.raises(RecordBroken, match=f"checkpoint differs: .*{what}"):
        verify()


def test_a_checkpoint_that_forgets_a_chain_is_named(kept, nora, tamper):
    """Even one sealed with the key, as if made after the chain was gone."""
    stream = f"user:{nora.pk}"
    tamper("DELETE FROM audit_event WHERE stream = %s", [stream])
    tamper("DELETE FROM audit_chainhead WHERE stream = %s", [stream])
    forged = checkpoints.make_after(Checkpoint.objects.get(), checkpoints.heads())
    forged.save()

    with pytest.raises(RecordBroken, match="shorter than at checkpoint 1"):
        verify()


@override_settings(AUDIT_KEYS=[("a2", b"b" * 32), ("a1", b"a" * 32)])
def test_a_checkpoint_outlives_the_rotation_of_its_key(kept):
    assert checkpoints.make().key_id == "a2"
    assert verify(external=kept).checkpoints == 2


@pytest.mark.parametrize(
    "change", [{"events": 4}, {"heads": []}, {"hash": "0" * 64}, {"sequence": 2}]
)
def test_a_kept_checkpoint_that_was_changed_is_refused(kept, change):
    fields = checkpoints.as_fields(kept) | change

    with pytest.raises(RecordBroken, match="checkpoint differs"):
        verify(external=checkpoints.from_fields(fields))


@pytest.mark.parametrize(
    "wrong", [{"kind": "other"}, {"at": "noon"}, {"at": 5}, {"more": 1}]
)
def test_what_is_no_checkpoint_is_refused(kept, wrong):
    with pytest.raises(ValueError, match="not a checkpoint"):
        checkpoints.from_fields(checkpoints.as_fields(kept) | wrong)


def test_the_commands_keep_and_compare_a_checkpoint(tmp_path, capsys, cut, nora):
    file = tmp_path / "checkpoint.json"
    call_command("checkpoint_audit", output=file)
    call_command("verify_audit", checkpoint=file)
    assert "The record is whole: 7 events in 2 chains" in capsys.readouterr().out

    cut()

    with pytest.raises(CommandError, match=f"broken at user:{nora.pk} 5: tail cut"):
        call_command("verify_audit", checkpoint=file)
    failure = Event.objects.filter(act=Act.AUDIT_VERIFIED).latest("sequence")
    assert failure.outcome == "failure"
    assert "tail cut" in failure.detail["problem"]


def test_a_checkpoint_never_overwrites_a_file(five, tmp_path):
    (tmp_path / "kept.json").write_text("precious")

    with pytest.raises(CommandError, match="exists"):
        call_command("checkpoint_audit", output=tmp_path / "kept.json")
    assert (tmp_path / "kept.json").read_text() == "precious"


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "\xff"])
def test_verify_says_when_a_file_is_no_checkpoint(db, tmp_path, text):
    file = tmp_path / "kept.json"
    file.write_text(text, encoding="latin-1")

    with pytest.raises(CommandError, match="kept.json"):
        call_command("verify_audit", checkpoint=file)


def test_verify_prints_the_checkpoint_to_standard_output(five, capsys):
    call_command("checkpoint_audit")

    kept = checkpoints.from_fields(json.loads(capsys.readouterr().out))
    assert verify(external=kept).checkpoints == 1
