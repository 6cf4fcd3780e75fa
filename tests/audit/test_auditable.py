import re

import pytest
from django.conf import settings

from audit import auditable, chain
from audit.acts import Act, Outcome
from audit.catalog import Paragraph
from audit.models import Event, IncidentKind
from audit.models.incidents import PARAGRAPHS

LISTED = re.compile(r"^\| 1311\.150(\(a\)\(\d\)) \| ([^|]+) \|$", re.MULTILINE)
# 21 CFR 1311.120(b)(23): what the audit trail has to tell of.
TRAIL = {
    "(i) creation": Act.PRESCRIPTION_CREATED,
    "(i) alteration": Act.PRESCRIPTION_ALTERED,
    "(i) indication of readiness": Act.PRESCRIPTION_READY,
    "(i) signing": Act.PRESCRIPTION_SIGNED,
    "(i) transmission": Act.PRESCRIPTION_TRANSMITTED,
    "(i) deletion": Act.PRESCRIPTION_DISCARDED,
    "(ii) setting of access controls": Act.ACCESS_GRANTED,
    "(ii) change of access controls": Act.ACCESS_REVOKED,
    "(iii) failed transmission": Act.PRESCRIPTION_FAILED,
    "(iv) auditable event": Act.INCIDENT_OPENED,
}


@pytest.mark.cfr("1311.150(a)")
def test_every_act_is_auditable_or_is_said_not_to_be(subtests):
    lists = [auditable.ALWAYS, auditable.FAILED, auditable.NOT_AUDITABLE]

    for act in Act:
        with subtests.test(act.value):
            assert sum(act in acts for acts in lists) == 1


ONE_ACT_OF_EACH = [
    pytest.param(
        paragraph,
        next(act for act, listed in auditable.ALWAYS.items() if listed == paragraph),
        id=paragraph.name.lower(),
        marks=pytest.mark.cfr(f"1311.150{paragraph}"),
    )
    for paragraph in Paragraph
]


@pytest.mark.parametrize(("paragraph", "act"), ONE_ACT_OF_EACH)
def test_every_paragraph_has_acts_that_fall_under_it(nora, paragraph, act):
    event = chain.record(act, by=nora)

    assert auditable.paragraph_of(event) == paragraph


@pytest.mark.parametrize("act", auditable.FAILED, ids=str)
def test_some_acts_are_auditable_only_when_they_fail(act):
    paragraph = auditable.FAILED[act]

    assert auditable.paragraph_of(Event(act=act, outcome=Outcome.FAILURE)) == paragraph
    assert auditable.paragraph_of(Event(act=act, outcome=Outcome.SUCCESS)) is None


@pytest.mark.parametrize("kind", PARAGRAPHS, ids=str)
def test_an_incident_falls_under_the_paragraph_of_its_kind(kind):
    event = Event(act=Act.INCIDENT_OPENED, detail={"kind": kind})

    assert auditable.paragraph_of(event) == PARAGRAPHS[kind]
    assert set(PARAGRAPHS) == set(IncidentKind) - {IncidentKind.FOUND}


def test_an_act_of_another_release_is_nothing_that_this_one_can_judge():
    assert auditable.paragraph_of(Event(act="device.teleported")) is None


@pytest.mark.cfr("1311.120(b)(23)")
@pytest.mark.parametrize("what", TRAIL)
def test_the_record_can_tell_of_what_the_trail_has_to(nora, what):
    event = chain.record(TRAIL[what], by=nora)

    assert Event.objects.get(pk=event.pk).label == TRAIL[what].label


@pytest.mark.cfr("1311.150(a)")
def test_the_list_that_is_kept_is_the_list_that_is_used():
    text = (settings.BASE_DIR / "docs" / "audit.md").read_text()
    listed = {
        paragraph: set(re.findall(r"`([a-z_.]+)`", acts))
        for paragraph, acts in LISTED.findall(text)
    }
    used = auditable.ALWAYS | auditable.FAILED

    assert listed == {
        str(paragraph): {str(act) for act in used if used[act] == paragraph}
        for paragraph in Paragraph
    }
