import ast
import re

import pytest
from django.apps import apps
from django.conf import settings

from audit.acts import DETAIL_KEYS, Act
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
