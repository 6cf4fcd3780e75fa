"""What States add, switched off until somebody has read their law (1306.12(b)(1)(iv))."""

import importlib
from datetime import timedelta

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from audit.acts import Act
from audit.models import Event
from prescriptions import rules
from prescriptions.models import StateRule, Status
from prescriptions.signing import ceremony
from prescriptions.writing import rule_context
from tests.factories import PASSWORD, code_of, make_device, make_user
from tests.prescriptions.factories import make_draft
from tests.prescriptions.rules.unsaved import TODAY, a_prescription, labels

EXAMPLES = {("NY", "II"), ("HI", "II"), ("VA", "II")}
MIGRATION = importlib.import_module("prescriptions.migrations.0008_state_rules")


@pytest.fixture
def examples(db):
    """The rows that the migration made, unless a test that empties tables ran before."""
    if not StateRule.objects.exists():
        MIGRATION.add_examples(apps, None)


def a_rule(**overrides):
    defaults = {"state": "NY", "schedule": "II", "source": "PHL 3332(3)"}
    return StateRule(**defaults | overrides)


@pytest.mark.parametrize(
    ("limit", "days", "said"),
    [
        (30, 30, []),
        (30, 31, ["NY allows at most 30 days’ supply of Schedule II (PHL 3332(3))."]),
        (
            30,
            None,
            [
                "NY limits the supply of Schedule II, and the days’ supply is missing "
                "(PHL 3332(3))."
            ],
        ),
        (None, 365, []),
    ],
)
def test_a_state_limits_the_supply_of_one_prescription(limit, days, said):
    prescription = a_prescription("II", days_supply=days)

    found = labels(prescription, state_rules=(a_rule(most_days_supply=limit),))

    assert found == said


@pytest.mark.parametrize(
    ("limit", "after", "is_allowed"), [(7, 7, True), (7, 8, False), (None, 89, True)]
)
def test_a_state_limits_the_wait_for_the_first_filling(limit, after, is_allowed):
    prescription = a_prescription("II", earliest_fill_on=TODAY + timedelta(after))

    found = labels(prescription, state_rules=(a_rule(fill_within_days=limit),))

    assert (found == []) is is_allowed
    assert is_allowed or found == [
        "NY wants Schedule II filled within 7 days (PHL 3332(3))."
    ]


@pytest.mark.parametrize("other", [{"state": "CA"}, {"schedule": "III"}])
def test_other_states_and_schedules_limit_nothing_here(other):
    rule = a_rule(most_days_supply=1, **other)

    assert labels(a_prescription("II"), state_rules=(rule,)) == []


@pytest.mark.usefixtures("examples")
@pytest.mark.cfr("1306.12(b)(1)(iv)")
def test_the_portal_ships_examples_and_they_are_off(alice):
    shipped = StateRule.objects.all()

    assert {(rule.state, rule.schedule) for rule in shipped} == EXAMPLES
    assert not any(rule.is_active for rule in shipped)
    assert all("check your State’s law" in rule.remarks for rule in shipped)
    assert rule_context.load([make_draft(alice.provider)]).state_rules == ()


@pytest.mark.usefixtures("examples")
def test_a_limit_that_is_switched_on_is_asked_before_the_mark(alice):
    draft = make_draft(alice.provider, days_supply=31)
    StateRule.objects.filter(state="NY").update(is_active=True)

    with pytest.raises(ceremony.NotSignable, match="NY allows at most 30 days"):
        ceremony.mark_ready(draft, by=alice)

    StateRule.objects.update(is_active=False)
    ceremony.mark_ready(draft, by=alice)
    draft.refresh_from_db()
    assert draft.status == Status.READY


@pytest.mark.usefixtures("examples")
def test_an_administrator_switches_one_on_and_that_is_on_record(client):
    root = make_user("root", is_staff=True, is_superuser=True)
    device = make_device(root)
    client.force_login(root)
    client.post(
        reverse("admin-verify"), {"password": PASSWORD, "code": code_of(device)}
    )
    rule = StateRule.objects.get(state="HI")

    response = client.post(
        reverse("admin:prescriptions_staterule_change", args=[rule.pk]),
        {
            "state": "HI",
            "schedule": "II",
            "fill_within_days": "7",
            "series_allowed": "on",
            "source": "HRS 329-38",
            "checked_on": "2026-11-23",
            "is_active": "on",
        },
    )

    assert response.status_code == 302
    assert list(StateRule.objects.in_force("HI")) == [rule]
    event = Event.objects.get(act=Act.ADMIN_CHANGED)
    assert event.detail["model"] == "prescriptions.staterule"
    assert event.detail["fields"] == ["is_active", "remarks", "source"]
    delete = reverse("admin:prescriptions_staterule_delete", args=[rule.pk])
    assert client.post(delete, {"post": "yes"}).status_code == 403


@pytest.mark.both_databases
@pytest.mark.usefixtures("examples")
@pytest.mark.parametrize(
    ("constraint", "values"),
    [
        ("state_rule_schedule_known", {"schedule": "I"}),
        ("state_rule_days_positive", {"most_days_supply": 0}),
        ("state_rule_days_positive", {"fill_within_days": 0}),
    ],
)
def test_a_limit_makes_sense(constraint, values):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        StateRule.objects.filter(state="NY").update(**values)


@pytest.mark.both_databases
@pytest.mark.usefixtures("examples")
def test_one_rule_for_a_state_and_schedule_is_on():
    today = timezone.localdate()
    StateRule.objects.filter(state="NY").update(is_active=True)

    with pytest.raises(IntegrityError), transaction.atomic():
        a_rule(is_active=True, checked_on=today).save()
    a_rule(is_active=False, checked_on=today).save()


def test_where_nothing_is_switched_on_nothing_is_limited():
    rule = rules.Circumstances(on=TODAY).state_rule(a_prescription("II"))

    assert (rule.most_days_supply, rule.fill_within_days) == (None, None)
    assert rule.series_allowed
