"""Monthly logs: made, archived and delivered (21 CFR 1311.120(b)(27))."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core import mail
from django.db import DatabaseError, transaction

from audit.models import Event
from prescriptions.models import PrescriptionLog, SignedRecord
from prescriptions.records import log_delivery
from providers.models import AccessGrant, Membership, Practice
from tests import factories
from tests.prescriptions.records.months import SEPTEMBER, the_log
from tests.prescriptions.tampering import tamper
from tests.threads import at_once

pytestmark = pytest.mark.django_db

FIRST_OF_OCTOBER = datetime(2026, 10, 1, 16, tzinfo=UTC)


def run(at, clock):
    clock.move_to(at, tick=False)
    log_delivery.run()


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
@pytest.mark.usefixtures("as_owner")
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
