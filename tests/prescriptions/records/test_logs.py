"""Logs of what was signed: made, archived, delivered, sorted (21 CFR 1311.120(b)(27))."""

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.core import mail
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from audit.models import Event
from prescriptions.models import PrescriptionLog, SignedRecord
from prescriptions.records import log_delivery, logs
from providers.models import AccessGrant, Membership, Practice
from tests import factories
from tests.prescriptions.factories import (
    make_drug,
    make_patient,
    make_ready,
    sign,
)
from tests.prescriptions.tampering import tamper
from tests.threads import at_once

pytestmark = pytest.mark.django_db
SEPTEMBER = datetime(2026, 9, 15, 16, tzinfo=UTC)
FIRST_OF_OCTOBER = datetime(2026, 10, 1, 16, tzinfo=UTC)


@pytest.fixture
def clock():
    """Stand in September; `clock.move_to` goes on."""
    with time_machine.travel(SEPTEMBER, tick=False) as traveller:
        yield traveller


@pytest.fixture
def signed(clock, alice, phone):
    """Sign one more prescription of Alice's, a minute later each time."""

    def sign_another(**overrides):
        clock.shift(60)
        return sign(make_ready(alice.provider, **overrides), phone)

    return sign_another


def run(at, clock):
    clock.move_to(at, tick=False)
    log_delivery.run()


def the_log():
    return PrescriptionLog.objects.get()


@pytest.mark.cfr("1311.120(b)(27)(i)")
def test_the_log_of_a_month_lists_what_was_signed_in_it(signed, clock, alice):
    record = signed()
    clock.move_to(FIRST_OF_OCTOBER)
    signed()

    run(FIRST_OF_OCTOBER + timedelta(minutes=5), clock)

    log = the_log()
    [line] = log.contents["lines"]
    assert (log.first_day, log.last_day) == (date(2026, 9, 1), date(2026, 9, 30))
    assert line == {
        "prescription": str(record.prescription.public_id),
        "digest": record.payload_digest,
        "issued_on": "2026-09-15",
        "signed_at": "2026-09-15T16:01:00.000000Z",
        "signer": "alice",
        "patient": {
            "first_name": "Pat",
            "last_name": "Patient",
            "date_of_birth": "1980-02-29",
        },
        "drug": "Oxycodone hydrochloride 5 mg tablet",
        "schedule": "II",
        "quantity": "30 tablets",
        "refills": 0,
        "pharmacy": "Corner Pharmacy (demo), Albany",
        "status": "Signed, on its way",
        "dea_number": alice.provider.dea_registrations.get().number,
        "prepared_by": "Alice Example",
        "problem": "",
    }


@pytest.mark.cfr("1311.120(b)(27)(i)")
def test_a_month_without_prescriptions_has_its_log_too(clock, alice):
    run(FIRST_OF_OCTOBER, clock)

    assert the_log().entries == 0
    assert the_log().due_on == date(2026, 10, 7)


@pytest.mark.cfr("1311.120(b)(27)(i)")
def test_a_practitioner_is_told_without_a_patient_in_the_mail(signed, clock):
    signed()

    run(FIRST_OF_OCTOBER, clock)

    [message] = mail.outbox
    assert message.to == ["alice@demo.example"]
    assert "http://testserver/logs/" in message.body
    assert "Patient" not in message.body + message.subject
    assert the_log().mailed_at == FIRST_OF_OCTOBER
    assert Event.objects.filter(act="log.delivered", detail__channel="mail").exists()


@pytest.mark.parametrize(
    "at",
    [
        datetime(2026, 9, 30, 23, 59, tzinfo=UTC),
        datetime(2026, 10, 1, 3, 59, tzinfo=UTC),  # 23:59 on Sep 30 in New York
        datetime(2026, 10, 1, 4, 59, tzinfo=UTC),  # not settled yet
    ],
)
def test_no_log_before_the_month_is_over_at_the_practice(clock, alice, at):
    run(at, clock)

    assert not PrescriptionLog.objects.exists()


def test_the_month_is_over_at_the_practice_and_not_in_utc(clock, alice):
    run(datetime(2026, 10, 1, 5, 0, tzinfo=UTC), clock)  # 01:00 in New York

    assert the_log().first_day == date(2026, 9, 1)


@pytest.mark.cfr("1311.120(b)(27)(i)")
def test_a_practice_stands_in_the_mail_as_it_is_named(clock, alice, practice):
    Practice.objects.filter(pk=practice.pk).update(name="Smith & Sons' Clinic")

    run(FIRST_OF_OCTOBER, clock)

    assert "at Smith & Sons' Clinic in " in mail.outbox[0].body


def test_running_again_makes_and_mails_nothing_more(clock, alice):
    for hour in range(5):
        run(FIRST_OF_OCTOBER + timedelta(hours=hour), clock)

    assert PrescriptionLog.objects.count() == len(mail.outbox) == 1


@pytest.mark.both_databases
@pytest.mark.race
@pytest.mark.cfr("1311.120(b)(27)(i)")
@pytest.mark.django_db(transaction=True)
def test_workers_at_once_make_and_mail_one_log(clock):
    factories.make_ready_provider("carol", practice=factories.make_practice())
    clock.move_to(FIRST_OF_OCTOBER, tick=False)

    results = at_once(lambda _: log_delivery.run(), times=4)

    assert results == [None] * 4
    assert PrescriptionLog.objects.count() == len(mail.outbox) == 1


@pytest.mark.cfr("1311.120(b)(27)(i)")
def test_missed_months_are_caught_up(signed, clock):
    signed()

    run(datetime(2027, 1, 3, 16, tzinfo=UTC), clock)

    months = PrescriptionLog.objects.order_by("first_day")
    assert [(log.first_day.month, log.entries) for log in months] == [
        (9, 1),
        (10, 0),
        (11, 0),
        (12, 0),
    ]


def test_no_log_is_made_for_months_after_the_right_to_sign_ended(clock, alice):
    clock.move_to(datetime(2026, 10, 20, 16, tzinfo=UTC), tick=False)
    AccessGrant.objects.update(
        revoked_at=datetime(2026, 10, 20, 12, tzinfo=UTC),
        revoked_by=AccessGrant.objects.get().granted_by,
    )

    run(datetime(2027, 1, 3, 16, tzinfo=UTC), clock)

    months = PrescriptionLog.objects.values_list("first_day__month", flat=True)
    assert sorted(months) == [9, 10]


def test_what_was_signed_before_the_right_ended_is_in_a_log(signed, clock, alice):
    signed()
    Membership.objects.filter(user=alice).update(left_on=date(2026, 9, 15))
    AccessGrant.objects.update(
        revoked_at=datetime(2026, 9, 15, 17, tzinfo=UTC),
        revoked_by=AccessGrant.objects.get().granted_by,
    )

    run(FIRST_OF_OCTOBER, clock)

    assert the_log().entries == 1


@pytest.mark.cfr("1311.120(b)(27)(i)")
def test_every_dea_number_at_the_practice_is_named(signed, clock, alice, practice):
    second = factories.make_registration(alice.provider, practice=practice)
    signed(dea_registration=second)

    run(FIRST_OF_OCTOBER, clock)

    numbers = {one.number for one in alice.provider.dea_registrations.all()}
    assert set(the_log().contents["dea_numbers"]) == numbers
    assert [line["dea_number"] for line in the_log().contents["lines"]] == [
        second.number
    ]


def test_each_practitioner_gets_the_own_log(signed, clock, alice, bob):
    signed()

    run(FIRST_OF_OCTOBER, clock)

    assert {
        log.provider.user.username: log.entries for log in PrescriptionLog.objects.all()
    } == {"alice": 1, "bob": 0}


def test_a_log_says_what_was_archived_whatever_happened_to_the_rows(signed, clock):
    record = signed()
    record.prescription.patient.last_name = "Renamed"
    record.prescription.patient.save()

    run(FIRST_OF_OCTOBER, clock)

    [line] = the_log().contents["lines"]
    assert line["patient"]["last_name"] == "Patient"


@pytest.mark.cfr("1311.120(b)(27)(i)")
@pytest.mark.parametrize(("day", "alarms"), [(7, 0), (8, 1)])
def test_the_alarm_is_raised_after_the_seventh_day(
    clock, alice, day, alarms, django_capture_on_commit_callbacks
):
    alice.email = ""
    alice.save()
    run(FIRST_OF_OCTOBER, clock)
    assert not mail.outbox

    with django_capture_on_commit_callbacks(execute=True):
        run(datetime(2026, 10, day, 16, tzinfo=UTC), clock)
        run(datetime(2026, 10, day, 17, tzinfo=UTC), clock)

    overdue = Event.objects.filter(act="log.overdue", outcome="failure")
    assert (overdue.count(), len(mail.outbox)) == (alarms, alarms)
    assert bool(the_log().overdue_at) == bool(alarms)


def test_a_log_that_was_opened_raises_no_alarm(client, clock, alice):
    alice.email = ""
    alice.save()
    run(FIRST_OF_OCTOBER, clock)
    client.force_login(alice)
    client.get(the_log().get_absolute_url())

    run(datetime(2026, 10, 8, 16, tzinfo=UTC), clock)

    assert the_log().overdue_at is None


@pytest.mark.cfr("1311.120(b)(27)(i)")
def test_a_log_that_is_made_too_late_raises_the_alarm(
    clock, alice, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        run(datetime(2026, 10, 9, 16, tzinfo=UTC), clock)

    assert the_log().overdue_at
    assert the_log().mailed_at
    told = {address for message in mail.outbox for address in message.to}
    assert told == {"alice@demo.example", "admin-of-alice@demo.example"}


def test_mail_that_could_not_be_sent_is_tried_again(clock, alice, monkeypatch):
    def down(*args, **kwargs):
        raise OSError("no route")

    with monkeypatch.context() as broken:
        broken.setattr(log_delivery, "send_mail", down)
        run(FIRST_OF_OCTOBER, clock)
    assert (the_log().mailed_at, the_log().opened_at) == (None, None)

    run(FIRST_OF_OCTOBER + timedelta(hours=1), clock)

    assert the_log().mailed_at == FIRST_OF_OCTOBER + timedelta(hours=1)
    assert the_log().opened_at is None


@pytest.mark.cfr("1311.120(b)(27)(i)")
def test_opening_a_log_is_noted_once(client, clock, alice):
    run(FIRST_OF_OCTOBER, clock)
    client.force_login(alice)

    for hours in (1, 2):
        clock.move_to(FIRST_OF_OCTOBER + timedelta(minutes=hours))
        assert client.get(the_log().get_absolute_url()).status_code == 200

    assert the_log().opened_at == FIRST_OF_OCTOBER + timedelta(minutes=1)
    assert (
        Event.objects.filter(act="log.delivered", detail__channel="page").count() == 1
    )


def test_looking_through_a_log_is_noted(client, clock, alice):
    run(FIRST_OF_OCTOBER, clock)
    client.force_login(alice)

    response = client.post(f"{the_log().get_absolute_url()}confirm/", follow=True)

    assert "Looked through" in response.content.decode()
    assert Event.objects.filter(act="log.confirmed").count() == 1


@pytest.mark.both_databases
@pytest.mark.cfr("1311.120(b)(27)(iii)")
@pytest.mark.parametrize(
    "values",
    [{"payload": "{}"}, {"digest": "0" * 64}, {"entries": 9}, {"due_on": "2030-01-01"}],
    ids=lambda values: next(iter(values)),
)
def test_the_database_keeps_a_log_as_it_was_archived(clock, alice, values):
    run(FIRST_OF_OCTOBER, clock)

    with pytest.raises(DatabaseError), transaction.atomic():
        PrescriptionLog.objects.update(**values)
    with pytest.raises(DatabaseError), transaction.atomic():
        PrescriptionLog.objects.all()._raw_delete("default")


@pytest.mark.both_databases
@pytest.mark.cfr("1311.120(b)(27)(iii)")
def test_when_a_log_was_delivered_cannot_be_told_otherwise(clock, alice):
    run(FIRST_OF_OCTOBER, clock)

    for other in (None, SEPTEMBER):
        with pytest.raises(DatabaseError), transaction.atomic():
            PrescriptionLog.objects.update(mailed_at=other)


@pytest.mark.both_databases
def test_a_log_that_was_changed_behind_our_back_is_not_shown(client, clock, alice):
    run(FIRST_OF_OCTOBER, clock)
    tamper(PrescriptionLog, payload='{"lines": []}')
    client.force_login(alice)

    page = client.get(the_log().get_absolute_url()).content.decode()

    assert "not as it was archived" in page


@pytest.mark.both_databases
def test_a_record_that_was_changed_is_named_in_the_log(signed, clock):
    record = signed()
    tamper(SignedRecord, payload="{}")

    run(FIRST_OF_OCTOBER, clock)

    [line] = the_log().contents["lines"]
    assert line["prescription"] == str(record.prescription.public_id)
    assert "not as it was archived" in line["problem"]


# On demand


def ask(client, first, last, practice):
    return client.post(
        "/logs/", {"first": first, "last": last, "practice": practice.pk}, follow=True
    )


@pytest.mark.cfr("1311.120(b)(27)(ii)")
def test_a_log_on_demand_reaches_back_more_than_two_years(
    client, signed, clock, alice, practice
):
    signed()
    clock.move_to(datetime(2028, 10, 15, 16, tzinfo=UTC), tick=False)
    client.force_login(alice)

    response = ask(client, "2026-09-15", "2028-10-15", practice)

    assert "Patient, Pat" in response.content.decode()
    assert the_log().kind == "on_demand"


@pytest.mark.cfr("1311.120(b)(27)(iii)")
def test_every_log_on_demand_is_archived(client, signed, clock, alice, practice):
    signed()
    client.force_login(alice)

    for _ in range(2):
        ask(client, "2026-09-01", "2026-09-15", practice)

    assert PrescriptionLog.objects.count() == 2
    archived = Event.objects.filter(act="log.archived", actor="alice")
    digests = {log.digest for log in PrescriptionLog.objects.all()}
    assert {event.detail["digest"] for event in archived} == digests


@pytest.fixture
def log_of_three(client, signed, clock, alice, practice):
    zoe = make_patient(practice, last_name="zoller", first_name="Zoe")
    adam = make_patient(practice, last_name="Adams", first_name="Adam")
    signed(patient=zoe, drug=make_drug())
    signed(patient=adam, drug=make_drug("Zolpidem tartrate 10 mg tablet"))
    clock.shift(24 * 3600)
    signed(
        patient=make_patient(practice, last_name="Miller", first_name="Mo"),
        drug=make_drug("Alprazolam 0.5 mg tablet"),
    )
    client.force_login(alice)
    ask(client, "2026-09-01", "2026-09-16", practice)
    return the_log()


ORDERS = {
    "date": ["zoller", "Adams", "Miller"],
    "patient": ["Adams", "Miller", "zoller"],
    "drug": ["Miller", "zoller", "Adams"],
}


@pytest.mark.cfr("1311.120(b)(27)(iv)")
@pytest.mark.cfr("1311.120(b)(27)(v)")
@pytest.mark.parametrize("page", ["", "print/", "csv/"])
@pytest.mark.parametrize("sort", ORDERS)
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_log_is_sorted_by_patient_drug_and_date(
    client, log_of_three, sort, order, page
):
    response = client.get(
        f"{log_of_three.get_absolute_url()}{page}", {"sort": sort, "order": order}
    )

    shown = b"".join(response).decode()
    found = sorted(ORDERS[sort], key=shown.index)
    expected = ORDERS[sort]
    if order == "desc" and sort == "date":
        expected = ["Miller", "zoller", "Adams"]  # of one day: as they were signed
    elif order == "desc":
        expected = expected[::-1]
    assert found == expected


@pytest.mark.parametrize("query", ["?sort=x&order=y", "?page=x", "?page=99"])
def test_nonsense_in_the_address_is_no_error(client, log_of_three, query):
    assert client.get(log_of_three.get_absolute_url() + query).status_code == 200


@pytest.mark.cfr("1311.170(c)")
def test_the_print_view_says_what_it_is_not_for(client, log_of_three):
    page = client.get(f"{log_of_three.get_absolute_url()}print/").content.decode()

    assert "For information only. Not for dispensing." in page


@pytest.mark.parametrize("page", ["", "print/"])
def test_a_page_writes_dates_as_people_do(client, log_of_three, page):
    shown = client.get(f"{log_of_three.get_absolute_url()}{page}").content.decode()

    assert ">Sep 15, 2026</time>" in shown
    assert "born Feb 29, 1980" in shown


@pytest.mark.parametrize(
    ("joined_on", "first"),
    [(date(2026, 3, 2), "2026-03-02"), (date(2011, 1, 1), "2024-09-14")],
)
def test_a_log_on_demand_begins_with_the_practitioner(
    client, clock, alice, joined_on, first
):
    Membership.objects.filter(user=alice).update(joined_on=joined_on)
    client.force_login(alice)

    page = client.get("/logs/").content.decode()

    assert f'name="first" value="{first}"' in page


@pytest.mark.cfr("1311.120(b)(27)(iv)")
def test_the_download_is_a_table(client, log_of_three):
    response = client.get(f"{log_of_three.get_absolute_url()}csv/")

    rows = list(csv.DictReader(io.StringIO(b"".join(response).decode())))
    assert [row["Patient"] for row in rows] == [
        "zoller, Zoe",
        "Adams, Adam",
        "Miller, Mo",
    ]
    assert rows[0]["Date of issue"] == "2026-09-15"
    assert "attachment" in response["Content-Disposition"]


def test_a_cell_of_the_download_is_never_a_formula():
    line = json.loads(json.dumps(logs.UNREADABLE)) | {
        "drug": "=HYPERLINK(1)",
        "status": "",
        "prescription": "",
    }

    [_, row] = logs.as_csv([line])

    assert "'=HYPERLINK(1)" in row


@pytest.mark.parametrize(
    "posted",
    [
        {},
        {"first": "x", "last": "y"},
        {"first": "2026-09-02", "last": "2026-09-01"},
        {"first": "2026-09-01<script>", "last": "9999-99-99"},
        {"first": "2026-09-01", "last": "2026-09-02", "practice": "999"},
        {"first": "2026-09-01", "last": "9999-12-31"},
    ],
    ids=["nothing", "words", "backwards", "hostile", "foreign practice", "future"],
)
def test_days_that_make_no_sense_are_refused_at_the_field(
    client, alice, practice, posted
):
    client.force_login(alice)

    response = client.post("/logs/", {"practice": practice.pk} | posted)

    assert response.status_code == 422
    assert not PrescriptionLog.objects.exists()


@pytest.mark.parametrize("page", ["", "print/", "csv/"])
@pytest.mark.parametrize("who", ["bob", "sam", "mallory"])
def test_nobody_else_sees_a_log(client, log_of_three, request, who, page):
    client.force_login(request.getfixturevalue(who))

    address = f"{log_of_three.get_absolute_url()}{page}"

    assert client.get(address).status_code == 404


def test_an_agent_has_no_logs(client, sam, practice):
    client.force_login(sam)

    assert "not registered" in client.get("/logs/").content.decode()
    response = client.post("/logs/", {"practice": practice.pk})
    assert response.status_code == 200
    assert not PrescriptionLog.objects.exists()


def test_a_log_is_made_for_nobody_else(alice, bob, practice):
    with pytest.raises(logs.NotAllowed):
        logs.make(
            alice.provider,
            practice=practice,
            first=date(2026, 9, 1),
            last=date(2026, 9, 2),
            by=bob,
        )


@pytest.mark.cfr("1311.120(b)(27)(ii)")
def test_a_longer_log_asks_no_more_questions(client, signed, alice, practice):
    client.force_login(alice)
    counts = []
    for _ in range(3):
        signed()
        with CaptureQueriesContext(connection) as asked:
            ask(client, "2026-09-01", "2026-09-15", practice)
        counts.append(len(asked))

    assert counts[1] == counts[2] <= 40
