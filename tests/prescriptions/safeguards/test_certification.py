"""A live pharmacy network is locked until an audit of this version is on record."""

from datetime import date, timedelta

import pytest
import responses
import time_machine
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.acts import Act
from audit.models import Event
from prescriptions.delivery import outbox
from prescriptions.models import (
    Capability,
    Finding,
    Qualification,
    Status,
    ThirdPartyAudit,
    Transmission,
    TransmissionState,
)
from prescriptions.safeguards import certification, releases
from prescriptions.signing import ceremony, gate
from tests.prescriptions.safeguards.audits import REQUIRED, TODAY, make_audit, report

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _on_a_day():
    with time_machine.travel("2026-11-23T15:00:00Z"):
        yield


def locks():
    return [
        problem
        for problem in certification.problems()
        if "network" in problem or "audit" in problem
    ]


@pytest.mark.cfr("1311.300(a)")
@pytest.mark.cfr("1311.100(b)(2)")
def test_without_an_audit_a_live_network_is_locked(live, alice, draft):
    [problem] = certification.problems()

    assert "no third-party audit" in problem
    assert releases.software_version() in problem
    assert problem in gate.problems(by=alice)
    with pytest.raises(ceremony.NotSignable, match="live pharmacy network is locked"):
        ceremony.mark_ready(draft, by=alice)


@pytest.mark.cfr("1311.300(a)")
@pytest.mark.cfr("1311.100(c)")
def test_what_waits_is_not_sent_to_a_live_network_without_an_audit(queued, live):
    message = Transmission.objects.get()

    with responses.RequestsMock():  # nobody is asked
        outbox.attempt(message.pk)

    message.refresh_from_db()
    assert message.state == TransmissionState.WAITING
    assert "live pharmacy network is locked" in message.last_problem
    queued.refresh_from_db()
    assert queued.status == Status.QUEUED


@pytest.mark.cfr("1311.300(a)")
def test_an_audit_of_this_version_opens_the_live_network(certified):
    assert certification.problems() == []
    assert certification.lock_reason() == ""
    assert certification.current_report() == certified


@pytest.mark.cfr("1311.100(b)(2)")
def test_a_demonstration_never_reaches_a_live_network(certified, live, alice):
    live.DEMO = True

    assert certification.DEMONSTRATION in gate.problems(by=alice)
    assert certification.lock_reason() == certification.DEMONSTRATION


@pytest.mark.parametrize(
    "url", ["http://network.com/script", "https://network.com/?a=b", "//network.com/"]
)
def test_a_live_network_is_reached_by_plain_https_only(certified, live, url):
    live.SCRIPT_NETWORK_URL = url

    assert certification.problems() == [certification.NOT_PLAIN]


def test_the_test_system_of_a_network_counts_in_a_demonstration_only(live):
    live.SCRIPT_TEST_HOSTS = ["network.com"]
    assert len(certification.problems()) == 1

    live.DEMO = True
    assert certification.problems() == []


@pytest.mark.cfr("1311.300(a)")
@pytest.mark.parametrize(
    ("reported_on", "is_covered"),
    [
        (date(2024, 11, 23), False),
        (date(2024, 11, 24), True),
        (TODAY, True),
    ],
)
def test_an_audit_is_good_for_two_years(live, steve, sue, reported_on, is_covered):
    make_audit(steve, confirmed_by=sue, reported_on=reported_on)

    assert (certification.current_report() is not None) is is_covered
    assert (certification.problems() == []) is is_covered


def test_an_audit_of_29_february_ends_on_the_first_of_march():
    assert report(reported_on=date(2024, 2, 29)).expires_on == date(2026, 3, 1)
    assert report(reported_on=date(2025, 3, 1)).expires_on == date(2027, 3, 1)


@pytest.mark.cfr("1311.300(a)")
@pytest.mark.cfr("1311.302(b)")
@pytest.mark.parametrize("version", ["0", "999.0", "0.1.00"])
def test_an_audit_of_another_version_covers_nothing(live, steve, sue, version):
    make_audit(steve, confirmed_by=sue, software_version=version)

    assert certification.current_report() is None
    assert len(locks()) == 1


def test_an_audit_that_nobody_confirmed_covers_nothing(live, steve):
    entered = make_audit(steve)

    assert certification.current_report() is None
    with pytest.raises(certification.ReportRefused, match="Another administrator"):
        certification.confirm(entered, by=steve)
    assert certification.current_report() is None


@pytest.mark.parametrize("who", ["alice", "sam", "mallory"])
def test_only_administrators_enter_and_confirm(request, steve, who):
    user = request.getfixturevalue(who)
    entered = make_audit(steve)

    with pytest.raises(certification.ReportRefused, match="Only an administrator"):
        certification.enter(report(), by=user)
    with pytest.raises(certification.ReportRefused, match="Only an administrator"):
        certification.confirm(entered, by=user)
    with pytest.raises(certification.ReportRefused, match="Only an administrator"):
        certification.record_notice(entered, "dea", by=user)

    assert ThirdPartyAudit.objects.count() == 1
    assert Event.objects.filter(act=Act.PERMISSION_DENIED, actor=who).count() == 3


def test_an_audit_is_confirmed_once(certified, sue):
    with pytest.raises(certification.ReportRefused, match="confirmed already"):
        certification.confirm(certified, by=sue)


def test_entering_and_confirming_are_in_the_record(certified):
    entered = Event.objects.get(act=Act.CERTIFICATION_ENTERED)
    assert entered.actor == "steve"
    assert entered.detail["version"] == releases.software_version()
    assert entered.detail["digest"] == "0" * 64
    assert Event.objects.get(act=Act.CERTIFICATION_CONFIRMED).actor == "sue"


def test_a_report_of_tomorrow_is_refused(steve):
    with pytest.raises(certification.ReportRefused, match="in the future"):
        make_audit(steve, reported_on=TODAY + timedelta(days=1))


@pytest.mark.cfr("1311.300(h)")
@pytest.mark.parametrize("missing", REQUIRED)
def test_a_version_without_the_three_is_not_compliant(steve, missing):
    able = [one for one in REQUIRED if one != missing]

    with pytest.raises(certification.ReportRefused, match=r"1311\.300\(h\)"):
        make_audit(steve, capabilities=able)


@pytest.mark.cfr("1311.300(b)")
@pytest.mark.cfr("1311.300(e)")
@pytest.mark.parametrize("qualification", Qualification.values)
def test_who_audited_is_one_of_those_who_may(live, steve, sue, qualification):
    make_audit(steve, confirmed_by=sue, qualification=qualification)

    assert certification.current_report().qualification == qualification


@pytest.mark.both_databases
@pytest.mark.cfr("1311.300(b)")
@pytest.mark.cfr("1311.300(e)")
def test_the_word_of_anybody_else_is_no_audit(steve):
    entered = report(qualification="self", entered_by=steve, entered_at=timezone.now())

    with pytest.raises(IntegrityError, match="qualification"), transaction.atomic():
        entered.save()


@pytest.mark.cfr("1311.300(a)")
@pytest.mark.cfr("1311.102(f)")
@pytest.mark.cfr("1311.300")
@pytest.mark.cfr("1311.300(g)")
def test_an_adverse_report_stops_the_version_at_once(certified, sue, alice, draft):
    make_audit(sue, finding=Finding.ADVERSE, capabilities=[], reported_on=TODAY)

    assert certification.current_report() is None
    first, second = certification.problems()
    assert "must not be used" in first
    assert "locked" in second
    with pytest.raises(ceremony.NotSignable, match="must not be used"):
        ceremony.mark_ready(draft, by=alice)


def test_an_adverse_report_stops_a_demonstration_too(steve, alice):
    make_audit(steve, finding=Finding.ADVERSE, capabilities=[])

    [problem] = gate.problems(by=alice)
    assert "must not be used" in problem


def test_a_good_report_after_an_adverse_one_lets_it_go_on(live, steve, sue):
    make_audit(
        steve,
        finding=Finding.ADVERSE,
        capabilities=[],
        reported_on=TODAY - timedelta(days=30),
    )
    make_audit(steve, confirmed_by=sue)

    assert certification.problems() == []


def test_an_adverse_report_on_another_version_says_nothing_of_this_one(certified, sue):
    make_audit(sue, finding=Finding.ADVERSE, software_version="0.0.1", capabilities=[])

    assert certification.problems() == []


@pytest.mark.cfr("1311.300(a)")
@pytest.mark.cfr("1311.300")
@pytest.mark.cfr("1311.300(g)")
def test_others_are_told_of_an_adverse_report_in_time(steve):
    adverse = make_audit(steve, finding=Finding.ADVERSE, capabilities=[])

    assert adverse.tell_dea_by == date(2026, 11, 24)
    assert adverse.tell_registrants_by == date(2026, 12, 1)  # over Thanksgiving
    late = date(2026, 11, 25)
    assert certification.overdue(adverse, today=adverse.tell_dea_by) == []
    assert certification.overdue(adverse, today=late) == ["DEA"]

    certification.record_notice(adverse, "dea", by=steve)
    adverse.refresh_from_db()

    assert certification.overdue(adverse, today=late) == []
    assert certification.overdue(adverse, today=date(2026, 12, 2)) == [
        "the registrants"
    ]
    with pytest.raises(certification.ReportRefused, match="noted already"):
        certification.record_notice(adverse, "dea", by=steve)
    assert Event.objects.get(act=Act.CERTIFICATION_TOLD).detail == {"source": "dea"}


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "change",
    [
        {"software_version": "9"},
        {"reported_on": date(2030, 1, 1)},
        {"capabilities": list(Capability)},
        {"finding": Finding.ADVERSE, "tell_dea_by": TODAY},
        {"confirmed_by": None, "confirmed_at": None},
        {"report_digest": "1" * 64},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_database_keeps_a_report_as_it_was(certified, change):
    with pytest.raises(IntegrityError), transaction.atomic():
        ThirdPartyAudit.objects.update(**change)


@pytest.mark.both_databases
def test_the_database_wants_another_to_confirm(steve):
    make_audit(steve)

    with pytest.raises(IntegrityError, match="by_another"), transaction.atomic():
        ThirdPartyAudit.objects.update(confirmed_by=steve, confirmed_at=timezone.now())


@pytest.mark.both_databases
@pytest.mark.usefixtures("as_owner")
def test_a_report_is_never_removed(certified):
    with pytest.raises(IntegrityError, match="is kept"), transaction.atomic():
        ThirdPartyAudit.objects.all()._raw_delete("default")
