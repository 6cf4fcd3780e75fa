"""Incidents that nobody decided or reported in time."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from audit import incidents
from audit.acts import Act
from audit.models import Event, Incident, IncidentKind, Step
from epcs_portal.incidents import decisions
from tests.portal.incidents.days import DAY, at
from tests.threads import at_once

pytestmark = pytest.mark.django_db


@pytest.mark.cfr("1311.150(c)")
def test_an_overdue_incident_shows_and_is_told_once(
    client, dana, alice, mailoutbox, django_capture_on_commit_callbacks
):
    with at(DAY):
        incident = incidents.report(IncidentKind.LOST_DEVICE, about=alice)
    on_commit = django_capture_on_commit_callbacks(execute=True)
    with at(DAY + timedelta(days=1), 23), on_commit:
        assert decisions.mark_overdue() == []
    with at(DAY + timedelta(days=2), 1):
        with django_capture_on_commit_callbacks(execute=True):
            assert decisions.mark_overdue() == [incident]
            assert decisions.mark_overdue() == []
        client.force_login(dana)
        assert "Overdue" in client.get(reverse("incident-list")).content.decode()

    (mail,) = mailoutbox
    assert mail.to == [dana.email]
    assert "lost, stolen or compromised" in mail.body
    assert Event.objects.filter(act=Act.INCIDENT_OVERDUE).count() == 1


@pytest.mark.cfr("1311.150(c)")
@pytest.mark.parametrize(
    ("taken", "is_overdue"),
    [
        pytest.param([], True, id="undecided"),
        pytest.param([Step.DISMISSED], False, id="dismissed"),
        pytest.param([Step.CONFIRMED], True, id="told nobody"),
        pytest.param([Step.CONFIRMED, Step.TOLD_DEA], True, id="told one"),
        pytest.param(
            [Step.CONFIRMED, Step.TOLD_DEA, Step.TOLD_PROVIDER], False, id="told both"
        ),
        pytest.param([Step.DISMISSED, Step.CONFIRMED], True, id="on second thoughts"),
    ],
)
def test_what_is_not_decided_and_told_in_time_is_overdue(
    dana, incident, taken, is_overdue
):
    for seen, step in enumerate(taken):
        decisions.take(step, incident, by=dana, words="So it is.", seen=seen)

    later = timezone.now() + timedelta(days=9)
    assert Incident.objects.overdue(later).exists() is is_overdue
    assert not Incident.objects.overdue(timezone.now()).exists()


@pytest.mark.both_databases
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_workers_at_once_mark_what_is_overdue_once(dana, incident):
    with time_machine.travel(timezone.now() + timedelta(days=9)):
        marked = at_once(lambda number: len(decisions.mark_overdue()), times=4)

    assert sum(marked) == 1
    assert incident.steps.count() == 1
