"""Logs that a practitioner asks for."""

import csv
import io
import json
from datetime import UTC, date, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit.models import Event
from prescriptions.models import PrescriptionLog
from prescriptions.records import logs
from providers.models import Membership
from tests.prescriptions.factories import make_drug, make_patient
from tests.prescriptions.records.months import the_log

pytestmark = pytest.mark.django_db


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
    with pytest.raises(logs.LogRefused):
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
        client.get(reverse("home"))  # which stores the session of this minute
        with CaptureQueriesContext(connection) as asked:
            ask(client, "2026-09-01", "2026-09-15", practice)
        counts.append(len(asked))

    assert counts[1] == counts[2] <= 40


def test_who_joined_this_evening_is_offered_today(client, clock, alice, practice):
    """By UTC, the day of the server, it is tomorrow already."""
    clock.move_to(datetime(2028, 10, 15, 2, tzinfo=UTC), tick=False)
    Membership.objects.filter(user=alice).update(joined_on=date(2028, 10, 15))
    client.force_login(alice)

    form = client.get(reverse("log-list")).context["form"]

    assert form.initial["first"] == form.initial["last"] == "2028-10-14"
