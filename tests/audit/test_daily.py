from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import DatabaseError, connection, transaction

from audit import chain, daily, incidents
from audit.acts import Act, Outcome
from audit.models import DailyReport, Event, Incident, IncidentKind
from audit.verification import RecordBroken, verify
from tests.threads import at_once

MONDAY = date(2026, 11, 16)
NEW_YORK = ZoneInfo("America/New_York")

pytestmark = pytest.mark.django_db


def at(day, hour=12, minute=0):
    moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEW_YORK)
    return time_machine.travel(moment.astimezone(UTC), tick=False)


def after(day):
    """The night after a day, when its report is due."""
    return at(day + timedelta(days=1), 0, 30)


@pytest.mark.cfr("1311.150(b)")
@pytest.mark.cfr("1311.150(a)(4)")
@pytest.mark.cfr("1311.150(a)(6)")
@pytest.mark.cfr("1311.120(b)(25)")
def test_each_auditable_event_of_the_day_is_in_the_report_once(nora, otto):
    with at(MONDAY, 9):
        seeded = [
            chain.record(Act.SIGN_IN_FAILED, by=nora, stream="sign-in"),
            chain.record(Act.PERMISSION_DENIED, by=nora, outcome=Outcome.FAILURE),
            chain.record(Act.ACCESS_GRANTED, by=otto),
            chain.record(Act.ADMIN_CHANGED, by=otto),
        ]
        chain.record(Act.SIGN_IN_SUCCEEDED, by=nora)

    with after(MONDAY):
        (report,) = daily.catch_up()

    assert report.day == MONDAY
    assert sorted(report.auditable) == sorted([e.stream, e.sequence] for e in seeded)
    assert report.counts == {"(a)(1)": 2, "(a)(4)": 1, "(a)(6)": 1}
    assert (report.events, report.problems, report.is_late) == (5, [], False)


@pytest.mark.cfr("1311.150(b)")
def test_a_quiet_day_has_its_report_too(nora):
    with at(MONDAY):
        chain.record(Act.SIGN_IN_SUCCEEDED, by=nora)
    with after(MONDAY):
        daily.catch_up()
    with after(MONDAY + timedelta(days=1)):
        (report,) = daily.catch_up()

    assert report.day == MONDAY + timedelta(days=1)
    assert (report.auditable, report.counts) == ([], {})
    assert not Incident.objects.exists()


def test_before_anything_happened_there_is_nothing_to_report():
    assert daily.catch_up() == []


@pytest.mark.parametrize(
    ("hour", "minute", "made"),
    [
        pytest.param(23, 59, 0, id="before midnight there"),
        pytest.param(0, 5, 0, id="while the last writers finish"),
        pytest.param(0, 11, 1, id="after that"),
    ],
)
def test_a_day_is_over_where_the_portal_is(nora, hour, minute, made):
    with at(MONDAY):
        chain.record(Act.SIGN_IN_SUCCEEDED, by=nora)

    with at(MONDAY + timedelta(days=hour < 12), hour, minute):
        assert len(daily.catch_up()) == made


@pytest.mark.parametrize(
    ("hour", "minute", "day"),
    [(0, 0, MONDAY), (23, 59, MONDAY), (0, 0, MONDAY + timedelta(days=1))],
    ids=["first moment", "last minute", "first moment of the next day"],
)
def test_an_event_belongs_to_one_day(nora, hour, minute, day):
    with at(day, hour, minute):
        event = chain.record(Act.PERMISSION_DENIED, by=nora)
    with after(MONDAY + timedelta(days=1)):
        reports = daily.catch_up()

    named = [report.day for report in reports if report.auditable]
    assert named == [day]
    assert [event.stream, event.sequence] in reports[-1].auditable + reports[
        0
    ].auditable


@pytest.mark.cfr("1311.150(b)")
@pytest.mark.cfr("1311.150(a)(5)")
def test_missed_days_are_caught_up_and_raise_one_alarm(nora):
    with at(MONDAY):
        chain.record(Act.SIGN_IN_SUCCEEDED, by=nora)
    with after(MONDAY):
        daily.catch_up()

    with at(MONDAY + timedelta(days=4)):
        reports = daily.catch_up()
        again = daily.catch_up()

    late = [(report.day.day, report.is_late) for report in reports]
    assert late == [(17, True), (18, True), (19, False)]
    assert again == []
    (alarm,) = Event.objects.filter(act=Act.AUDIT_REPORT_MISSED)
    assert alarm.detail == {"since": "2026-11-17"}
    (incident,) = Incident.objects.all()
    assert incident.kind == IncidentKind.INTERRUPTED
    assert incident.sequences == [alarm.sequence]


@pytest.mark.cfr("1311.150(b)")
@pytest.mark.parametrize(
    ("days", "hour", "is_overdue"), [(1, 5, False), (1, 7, True), (2, 5, True)]
)
def test_the_analysis_is_overdue_some_hours_after_midnight(
    nora, days, hour, is_overdue
):
    with at(MONDAY):
        chain.record(Act.SIGN_IN_SUCCEEDED, by=nora)

    with at(MONDAY + timedelta(days=days), hour):
        assert daily.is_overdue() is is_overdue
        daily.catch_up()
        assert not daily.is_overdue()


@pytest.mark.cfr("1311.150(c)")
def test_events_of_a_kind_by_one_person_wait_for_one_decision(nora, otto):
    with at(MONDAY):
        for who in [nora, otto, nora, nora]:
            chain.record(
                Act.SIGN_IN_FAILED, by=who, stream="sign-in", outcome=Outcome.FAILURE
            )
        chain.record(Act.ACCESS_GRANTED, by=nora)
    with after(MONDAY):
        (report,) = daily.catch_up(about=lambda event: daily.Account(event.actor, "x"))

    found = {(i.username, i.act): i.sequences for i in report.incidents.all()}
    assert found == {
        ("nora", "sign_in.failed"): [1, 3, 4],
        ("otto", "sign_in.failed"): [2],
        ("nora", "access.granted"): [1],
    }
    incident = report.incidents.get(username="otto")
    assert incident.paragraph == "(a)(1)"
    assert incident.due_at == incidents.due(report.generated_at)
    assert f"{incident.due_at.astimezone(NEW_YORK):%a %H:%M}" == "Wed 23:59"


def test_what_was_reported_by_a_person_does_not_wait_twice(nora):
    with at(MONDAY):
        incidents.report(IncidentKind.NOT_ME, about=nora)
    with after(MONDAY):
        (report,) = daily.catch_up()

    assert report.counts == {"(a)(1)": 1}
    assert Incident.objects.get().kind == IncidentKind.NOT_ME


@pytest.mark.both_databases
@pytest.mark.cfr("1311.150(a)(2)")
@pytest.mark.cfr("1311.120(b)(26)")
def test_a_record_that_does_not_verify_is_in_the_report_and_is_an_incident(
    five, tamper
):
    tamper("UPDATE audit_event SET actor = 'otto' WHERE sequence = 3")

    with after(five[0].at.astimezone(NEW_YORK).date()):
        (report,) = daily.catch_up(examine=lambda: ["Prescription 1: altered."])

    assert "not as it was written" in report.problems[0]
    assert report.problems[1] == "Prescription 1: altered."
    incident = Incident.objects.get()
    assert incident.kind == IncidentKind.RECORD_TAMPERED
    event = Event.objects.get(stream="system", sequence=incident.sequences[0])
    assert event.act == Act.AUDIT_VERIFIED
    assert event.detail["problem"] == report.problems[0]


@pytest.fixture
def report(nora):
    with at(MONDAY):
        chain.record(Act.PERMISSION_DENIED, by=nora)
    with at(MONDAY + timedelta(days=2), 0, 30):
        daily.catch_up()
    return DailyReport.objects.first()


@pytest.mark.both_databases
@pytest.mark.cfr("1311.120(b)(26)")
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_dailyreport SET problems = '[]'",
        "DELETE FROM audit_dailyreport",
    ],
    ids=["UPDATE", "DELETE"],
)
@pytest.mark.usefixtures("as_owner")
def test_a_report_stays_as_it_was_written(report, sql):
    with (
        pytest.raises(DatabaseError, match=r"append-only|is kept"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)

    assert verify().daily_reports == 2


@pytest.mark.both_databases
@pytest.mark.cfr("1311.120(b)(26)")
@pytest.mark.parametrize(
    ("sql", "wrong"),
    [
        (
            "UPDATE audit_dailyreport SET auditable = '[]' WHERE day = '2026-11-16'",
            "as it was",
        ),
        ("UPDATE audit_dailyreport SET previous_hash = 'x'", "as it was"),
        ("UPDATE audit_dailyreport SET key_id = 'gone'", "holds no key"),
        ("DELETE FROM audit_dailyreport WHERE day = '2026-11-16'", "does not follow"),
        ("DELETE FROM audit_dailyreport WHERE day = '2026-11-17'", "tells of 2"),
    ],
    ids=["changed", "moved", "key", "first removed", "last removed"],
)
def test_whoever_owns_the_database_cannot_change_a_report_unseen(
    report, tamper, sql, wrong
):
    if "DELETE FROM audit_dailyreport" in sql:
        tamper("DELETE FROM audit_incident")
    tamper(sql)

    with pytest.raises(RecordBroken, match=f"daily report differs: .*{wrong}"):
        verify()


@pytest.mark.both_databases
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_make_one_report_of_each_day(nora):
    with at(MONDAY):
        for _ in range(20):
            chain.record(Act.PERMISSION_DENIED, by=nora)
    with after(MONDAY + timedelta(days=2)):
        made = at_once(lambda number: len(daily.catch_up()), times=4)

    assert sum(made) == 3
    assert DailyReport.objects.count() == 3
    assert Incident.objects.filter(kind=IncidentKind.FOUND).count() == 1
    assert Event.objects.filter(act=Act.AUDIT_REPORTED).count() == 3
    assert verify().daily_reports == 3
