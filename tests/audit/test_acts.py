import ast
import re

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command

from audit import chain
from audit.acts import Act, Outcome
from audit.catalog import DETAIL_KEYS
from audit.models import Event

EXPLAINED = re.compile(
    r"^\| `([a-z_]+\.[a-z_]+)` \| ([^|]+) \| ([^|]+) \| ([^|]*\d[^|]*) \|$",
    re.MULTILINE,
)
PARAMETERS = {"by", "of", "outcome", "stream", None}  # None: **more


@pytest.mark.cfr("1311.150(a)")
def test_every_act_is_explained_and_every_explanation_has_its_act():
    text = (settings.BASE_DIR / "docs" / "audit.md").read_text()

    assert [row[0] for row in EXPLAINED.findall(text)] == sorted(Act.values)


def test_acts_are_a_noun_and_what_happened_to_it_in_order():
    assert all(re.fullmatch(r"[a-z_]+\.[a-z_]+", act) for act in Act.values)
    nouns = [act.partition(".")[0] for act in Act.values]
    assert nouns == sorted(nouns)
    assert len(set(Act.labels)) == len(Act)
    assert max(map(len, Act.values)) <= Event._meta.get_field("act").max_length


def test_what_the_code_tells_about_an_act_is_allowed():
    told = {
        keyword.arg
        for tree in modules()
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and is_record(call.func)
        for keyword in call.keywords
    }

    assert told - PARAMETERS <= DETAIL_KEYS
    assert "reason" in told


def modules():
    for app in apps.get_app_configs():
        for path in (settings.BASE_DIR / app.name).rglob("*.py"):
            yield ast.parse(path.read_text())


def is_record(function):
    return isinstance(function, ast.Attribute) and ast.unparse(function) in {
        "chain.record",
        "audit.record",
    }


def test_the_document_is_the_one_that_the_command_prints(capsys):
    call_command("document_acts")

    text = (settings.BASE_DIR / "docs" / "audit.md").read_text()
    assert capsys.readouterr().out == text


def test_every_act_declares_known_keys_once(subtests):
    for act in Act:
        with subtests.test(act.value):
            assert len(set(act.entry.detail)) == len(act.entry.detail)
            assert set(act.entry.detail) <= DETAIL_KEYS


def test_a_key_that_the_act_does_not_declare_is_refused(nora):
    with pytest.raises(ValueError, match="blockers"):
        chain.record(Act.SIGN_OUT_DONE, by=nora, blockers=["none"])


def test_a_failure_of_any_act_may_say_why(nora):
    failure = chain.record(
        Act.SIGN_OUT_DONE, by=nora, outcome=Outcome.FAILURE, problem="A disk is full"
    )

    assert failure.detail == {"problem": "A disk is full"}


def test_the_code_tells_only_what_the_act_declares():
    for tree in modules():
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and is_record(call.func):
                for act in acts_named_in(call):
                    keys = {keyword.arg for keyword in call.keywords} - PARAMETERS
                    told = {
                        key for key in keys if not act.entry.allows(key, failed=True)
                    }
                    assert not told, f"{act} tells {told}"


def acts_named_in(call):
    """Return the acts that a call names, both of them in an `a if … else b`."""
    named = [node for node in ast.walk(call.args[0]) if isinstance(node, ast.Attribute)]
    names = [ast.unparse(node) for node in named]
    return [Act[name.removeprefix("Act.")] for name in names if name.startswith("Act.")]
