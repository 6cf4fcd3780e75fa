import json
from datetime import timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from audit import chain
from audit.acts import Act
from audit.models import DailyReport, Heartbeat
from epcs_portal.operations import jobs

pytestmark = pytest.mark.django_db


@pytest.fixture
def ran(monkeypatch):
    """Replace the jobs by two, the first of which fails."""
    names = []

    def fail():
        names.append("failing")
        raise ValueError("on purpose")

    two = [
        jobs.Job("failing", fail, every=60),
        jobs.Job("working", lambda: names.append("working"), every=60),
    ]
    monkeypatch.setattr(jobs, "JOBS", two)
    return names


@pytest.mark.both_databases
def test_a_job_that_fails_stops_no_other_and_is_tried_again(ran, monkeypatch):
    jobs.run_due()
    jobs.run_due()
    assert ran == ["failing", "working"]

    monkeypatch.setattr(jobs.time, "monotonic", lambda: jobs.JOBS[0].due)
    jobs.run_due()
    assert ran.count("failing") == 2


def test_the_command_says_what_failed(ran):
    with pytest.raises(CommandError, match=r"Failed, see the log: failing\."):
        call_command("run_jobs")

    assert ran == ["failing", "working"]


@pytest.mark.cfr("1311.150(b)")
def test_the_jobs_of_the_portal_analyse_the_days_that_are_over(alice, client):
    chain.record(Act.PERMISSION_DENIED, by=alice)
    daily = [job for job in jobs.JOBS if job.name in DAILY]
    assert len(daily) == len(DAILY)

    with time_machine.travel(timezone.now() + timedelta(days=2)):
        before = problems(client)
        for job in daily:
            job.run()
        after = problems(client)

    assert "The daily analysis is overdue." in before
    assert "The daily analysis is overdue." not in after
    assert DailyReport.objects.count() == 2
    assert Heartbeat.objects.exists()


DAILY = {"heartbeat", "daily analysis", "overdue incidents"}


def problems(client):
    return json.loads(client.get(reverse("health-ready")).content)["problems"]
