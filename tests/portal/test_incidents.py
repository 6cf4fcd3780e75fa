import csv
import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit import chain, incidents
from audit.acts import Act, Outcome
from audit.models import Event, Incident, IncidentKind, IncidentStep, Step
from epcs_portal.incidents import accounts, analysis, decisions
from providers.models import Designee, Membership, Role
from tests.factories import make_designee, make_user
from tests.prescriptions.factories import make_patient
from tests.threads import at_once

DAY = date(2026, 11, 16)  # a Monday
NEW_YORK = ZoneInfo("America/New_York")

pytestmark = pytest.mark.django_db


def at(day, hour=12, minute=0):
    moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEW_YORK)
    return time_machine.travel(moment.astimezone(UTC), tick=False)


@pytest.fixture
def dana(alice, practice):
    """The one designee of Alice's practice, and no practitioner."""
    user = make_user("dana")
    Membership.objects.create(user=user, practice=practice, role=Role.ADMINISTRATOR)
    end_designations()
    make_designee(user, practice=practice)
    return user


def end_designations():
    Designee.objects.filter(until=None).update(until=timezone.now())


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


# Pages


@pytest.fixture
def incident(alice):
    return incidents.report(IncidentKind.NOT_ME, about=alice)


@pytest.fixture
def form():
    return {"step": "dismissed", "words": "Alice tested her new phone.", "seen": "0"}


def path_of(incident):
    return reverse("incident-detail", args=[incident.public_id])


@pytest.mark.cfr("1311.150(c)")
def test_a_designee_decides_with_words(client, dana, incident, form):
    client.force_login(dana)

    response = client.post(path_of(incident), form, follow=True)

    assert "No security incident" in response.content.decode()
    (step,) = incident.steps.all()
    assert (step.kind, step.username, step.words) == (
        Step.DISMISSED,
        "dana",
        form["words"],
    )
    event = Event.objects.get(act=Act.INCIDENT_DECIDED)
    assert (event.actor, event.detail) == ("dana", {"kind": "dismissed"})
    assert event.subject == f"audit.incident:{incident.public_id}"


@pytest.mark.cfr("1311.150(c)")
@pytest.mark.cfr("1304.06(d)")
def test_a_security_incident_is_told_to_the_provider_and_dea(
    client, dana, incident, form
):
    client.force_login(dana)
    words = "By telephone, reference 4711"
    for seen, step in enumerate(["confirmed", "told_provider", "told_dea"]):
        assert Incident.objects.waiting().filter(pk=incident.pk).exists()
        wanted = form | {"step": step, "seen": seen, "words": words}
        assert client.post(path_of(incident), wanted).status_code == 302

    assert not Incident.objects.waiting().exists()
    told = Event.objects.filter(act=Act.INCIDENT_REPORTED).order_by("sequence")
    assert [event.detail["kind"] for event in told] == ["told_provider", "told_dea"]
    page = client.get(path_of(incident)).content.decode()
    assert "Security incident, reported" in page
    assert page.count("reference 4711") == 3


@pytest.mark.cfr("1311.150(c)")
@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("words", "", "This field is required"),
        ("words", "  ", "This field is required"),
        ("step", "", "This field is required"),
        ("step", "told_dea", "not one of the available choices"),
        ("step", "overdue", "not one of the available choices"),
        ("seen", "1", "Somebody else has just decided"),
        ("seen", "x", "Enter a whole number"),
        ("words", "x" * 2001, "at most 2000 characters"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_a_decision_that_lacks_something_is_refused(
    client, dana, incident, form, field, value, message
):
    client.force_login(dana)

    response = client.post(path_of(incident), form | {field: value})

    assert response.status_code == 422
    assert message in response.content.decode()
    assert not IncidentStep.objects.exists()


@pytest.mark.cfr("1311.150(c)")
@pytest.mark.cfr("1311.150(a)(1)")
def test_somebody_who_is_no_designee_cannot_decide(client, dana, alice, incident, form):
    client.force_login(alice)

    assert client.get(path_of(incident)).status_code == 200
    assert client.post(path_of(incident), form).status_code == 403

    assert not IncidentStep.objects.exists()
    denied = Event.objects.get(act=Act.PERMISSION_DENIED)
    assert denied.subject == f"audit.incident:{incident.public_id}"


def test_an_incident_of_another_practice_is_not_there(client, bob, incident, form):
    client.force_login(bob)

    assert client.get(path_of(incident)).status_code == 404
    assert client.post(path_of(incident), form).status_code == 404
    assert not IncidentStep.objects.exists()


@pytest.mark.cfr("1311.150(c)")
def test_several_incidents_are_decided_with_one_set_of_words(client, dana, alice):
    both = [incidents.report(IncidentKind.NOT_ME, about=alice) for _ in range(2)]
    client.force_login(dana)
    form = {
        "incidents": [str(incident.public_id) for incident in both],
        "step": "dismissed",
        "words": "A test of the new phones.",
    }

    assert client.post(reverse("incident-list"), form).status_code == 302

    assert IncidentStep.objects.filter(username="dana").count() == 2
    assert Event.objects.filter(act=Act.INCIDENT_DECIDED).count() == 2
    assert "Nothing waits" in client.get(reverse("incident-list")).content.decode()


@pytest.mark.parametrize("chosen", ["none", "not a number", "of Bob", "decided"])
def test_what_cannot_be_decided_together_is_refused(
    client, dana, bob, incident, chosen
):
    client.force_login(dana)
    if chosen == "decided":
        decisions.take(Step.DISMISSED, incident, by=dana, words="Seen.", seen=0)
    other = incidents.report(IncidentKind.NOT_ME, about=bob)
    ids = {
        "none": [],
        "not a number": ["x"],
        "of Bob": [other.public_id],
        "decided": [incident.public_id],
    }
    form = {"incidents": ids[chosen], "step": "dismissed", "words": "Why not"}

    response = client.post(reverse("incident-list"), form)

    assert response.status_code == 422
    assert IncidentStep.objects.count() == (chosen == "decided")


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


# Terms and mail


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


@pytest.mark.both_databases
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_designees_at_once_make_one_decision(dana, incident):
    def act(number):
        step = [Step.DISMISSED, Step.CONFIRMED][number % 2]
        decisions.take(step, incident, by=dana, words="Mine.", seen=0)

    results = at_once(act, times=4)

    assert results.count(None) == 1
    assert {type(result) for result in results} == {type(None), decisions.NotPossible}
    assert incident.steps.count() == 1


@pytest.mark.both_databases
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_workers_at_once_mark_what_is_overdue_once(dana, incident):
    with time_machine.travel(timezone.now() + timedelta(days=9)):
        marked = at_once(lambda number: len(decisions.mark_overdue()), times=4)

    assert sum(marked) == 1
    assert incident.steps.count() == 1


def test_the_practice_of_a_designee_who_left_is_out_of_reach(dana, incident):
    assert accounts.decided_by(dana).exists()

    dana.memberships.update(left_on=timezone.localdate())

    assert not accounts.decided_by(dana).exists()


@pytest.mark.cfr("1311.150(c)")
def test_nobody_decides_about_the_own_account_while_another_can(alice, practice):
    incident = incidents.report(IncidentKind.NOT_SIGNED_BY_ME, about=alice)

    with pytest.raises(decisions.NotPossible, match="Another designee"):
        decisions.take(Step.DISMISSED, incident, by=alice, words="nothing", seen=0)

    assert not incident.steps.exists()
