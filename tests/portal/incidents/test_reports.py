"""Daily reports: which part of them each person reads."""

import csv
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from audit import chain
from audit.acts import Act, Outcome
from audit.models import Event, Incident
from epcs_portal.incidents import accounts, analysis
from tests.factories import make_designee
from tests.portal.incidents.days import DAY, at, end_designations
from tests.prescriptions.factories import make_patient

pytestmark = pytest.mark.django_db


@pytest.fixture
def monday(alice, bob, dana):
    """A day on which something happened at each practice and at none."""
    with at(DAY):
        refused = {"outcome": Outcome.FAILURE}
        chain.record(Act.PERMISSION_DENIED, by=alice, **refused)
        chain.record(Act.PERMISSION_DENIED, by=bob, **refused)
        client = Client()
        client.post(reverse("sign-in"), {"username": "nobody", "password": "x"})
        chain.record(Act.SERVICE_INTERRUPTED, by=None, **refused)
        chain.record(Act.ACCESS_GRANTED, by=None, of=bob.provider)
        for _ in range(3):
            chain.record(
                Act.SIGN_IN_FAILED, by=alice, of=alice, stream="sign-in", **refused
            )
    with at(DAY + timedelta(days=1), 0, 30):
        made = analysis.run()
    # What the fixtures themselves did before is on other days.
    return next(report for report in made if report.day == DAY)


def labels(found):
    return sorted(f"{incident.username}: {incident.label}" for incident in found)


OF_ALICE = ["alice: Refused for want of permission", "alice: Sign-in failed"]
OF_BOB = ["bob: Refused for want of permission", "system: Right to sign granted"]
OF_NONE = ["anonymous: Sign-in failed", "system: The worker did not run"]


@pytest.mark.cfr("1311.120(b)(25)")
def test_a_practitioner_reads_the_part_of_the_own_practice(monday, alice, bob, dana):
    of_day = Incident.objects.filter(report=monday)

    assert labels(of_day & accounts.visible_to(alice)) == sorted(OF_ALICE + OF_NONE)
    assert labels(of_day & accounts.visible_to(bob)) == sorted(OF_BOB + OF_NONE)
    assert labels(of_day & accounts.decided_by(dana)) == sorted(OF_ALICE + OF_NONE)


@pytest.mark.cfr("1311.150(c)")
def test_only_designees_decide(monday, alice, sam, mallory):
    for person in [alice, sam, mallory]:
        assert not accounts.decided_by(person).exists()


@pytest.mark.cfr("1311.120(b)(25)")
@pytest.mark.parametrize("name", ["incident-list", "daily-report-list"])
def test_agents_and_strangers_read_no_report(client, monday, sam, mallory, name):
    for person in [sam, mallory]:
        client.force_login(person)

        assert client.get(reverse(name)).status_code == 403


def test_a_colleague_who_left_stays_in_the_report_of_the_practice(monday, alice, dana):
    alice.memberships.update(left_on=DAY)

    assert "alice: Sign-in failed" in labels(accounts.decided_by(dana))
    assert not accounts.visible_to(alice).exists()


def test_what_happens_to_the_rows_of_a_practice_is_its_own(alice, bob, practice):
    patient = make_patient(practice)
    resolve = accounts.resolver()

    for by in [bob, None]:
        event = chain.record(Act.PERMISSION_DENIED, by=by, of=patient)
        assert resolve(event).stream == f"practice:{practice.pk}"
    event = chain.record(Act.DEVICE_RETIRED, by=None, of=alice.mfa_devices.first())
    assert resolve(event).stream == f"user:{alice.pk}"


@pytest.mark.parametrize(
    "subject", ["", "gone.model:1", "prescriptions.patient:not-a-uuid", "x"]
)
def test_what_an_event_was_about_may_be_gone(subject):
    event = Event(actor="system", stream="system", subject=subject)

    assert accounts.resolver()(event) == ("system", "system")


def test_a_page_says_whom_an_event_of_the_system_is_about(client, monday, bob):
    client.force_login(bob)

    page = client.get(reverse("daily-report", args=[str(DAY)])).content.decode()

    assert 'system</bdi></div><div class="fine">about <bdi>bob' in page


@pytest.mark.cfr("1311.120(b)(25)")
@pytest.mark.cfr("1311.305(c)")
@pytest.mark.cfr("1311.305(d)")
def test_a_daily_report_is_read_and_downloaded(client, monday, alice):
    client.force_login(alice)
    day = str(monday.day)

    assert day_link(day) in client.get(reverse("daily-report-list")).content.decode()
    page = client.get(reverse("daily-report", args=[day])).content.decode()
    file = client.get(reverse("daily-report-csv", args=[day]))

    assert "Monday, November 16, 2026" in page
    assert "Sign-in failed" in page
    assert "bob" not in page
    assert "about <bdi>alice" not in page
    rows = list(csv.DictReader(file.content.decode().splitlines()))
    assert sorted(row["actor"] for row in rows) == ["alice"] * 4 + [
        "anonymous",
        "system",
    ]
    assert {row["paragraph"] for row in rows} == {"1311.150(a)(1)", "1311.150(a)(3)"}
    assert file.headers["Content-Disposition"] == (
        'attachment; filename="daily-report-2026-11-16.csv"'
    )


def day_link(day):
    return reverse("daily-report", args=[day])


@pytest.mark.cfr("1311.150(b)")
def test_the_report_of_a_quiet_day_says_so(client, monday, alice):
    with at(DAY + timedelta(days=2), 0, 30):
        analysis.run()
        client.force_login(alice)
        day = DAY + timedelta(days=1)
        page = client.get(reverse("daily-report", args=[str(day)])).content.decode()

    assert "Nothing auditable happened that day." in page


@pytest.mark.parametrize("day", ["x", "2026-13-01", "1999-01-01", "20261116x"])
@pytest.mark.parametrize("name", ["daily-report", "daily-report-csv"])
def test_a_day_without_a_report_is_not_there(client, monday, alice, name, day):
    client.force_login(alice)

    assert client.get(reverse(name, args=[day])).status_code == 404


def test_a_spreadsheet_calculates_nothing_from_a_name(client, alice, dana):
    alice.username = "=1+1"
    alice.save()
    with at(DAY):
        chain.record(Act.PERMISSION_DENIED, by=alice)
    with at(DAY + timedelta(days=1), 0, 30):
        analysis.run()
        client.force_login(dana)
        file = client.get(reverse("daily-report-csv", args=[str(DAY)]))

    assert "'=1+1" in file.content.decode()


@pytest.mark.cfr("1311.150(b)")
def test_designees_are_told_of_a_day_that_was_not_quiet(
    dana, bob, mailoutbox, django_capture_on_commit_callbacks
):
    end_designations()
    make_designee(dana, practice=dana.memberships.get().practice)
    make_designee(bob, practice=bob.memberships.get().practice)
    with at(DAY):
        chain.record(Act.PERMISSION_DENIED, by=bob)
    for_mail = django_capture_on_commit_callbacks(execute=True)
    with at(DAY + timedelta(days=1), 0, 30), for_mail:
        analysis.run()
    for_mail = django_capture_on_commit_callbacks(execute=True)
    with at(DAY + timedelta(days=2), 0, 30), for_mail:
        analysis.run()

    (mail,) = [mail for mail in mailoutbox if "Nov 16" in mail.subject]
    assert mail.to == [bob.email]
    assert re.search(r"\b1 incident waits for your decision", mail.body)
    assert not [mail for mail in mailoutbox if "Nov 17" in mail.subject]


def test_without_designees_administrators_are_told(alice, incident):
    end_designations()

    staff = {person.username for person in accounts.deciders_of(incident)}

    assert staff == {"admin-of-alice"}
