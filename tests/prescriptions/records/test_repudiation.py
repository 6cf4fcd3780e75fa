"""“I did not sign this”: 21 CFR 1311.102(j)."""

from datetime import UTC, datetime

import pytest
import time_machine
from django.core import mail
from django.db import DatabaseError, transaction
from django.urls import reverse

from audit.models import Event, Incident
from prescriptions.models import Repudiation, Status, Transmission
from prescriptions.records import repudiation
from prescriptions.signing import ceremony
from providers import access_managers
from providers.models import Membership, Role, Suspension
from tests.prescriptions.factories import make_draft
from tests.threads import at_once

pytestmark = pytest.mark.django_db
SAID = {"kind": "not_signed", "reason": "I was on holiday that day."}


def page_of(prescription):
    return reverse("prescription-repudiate", args=[prescription.public_id])


@pytest.fixture
def reported(client, alice, queued):
    client.force_login(alice)
    client.post(page_of(queued), SAID)
    queued.refresh_from_db()
    return queued


@pytest.mark.cfr("1311.102(j)")
def test_a_report_opens_an_incident_that_is_due_in_one_business_day(
    client, alice, queued
):
    client.force_login(alice)
    friday = datetime(2027, 1, 15, 20, tzinfo=UTC)  # before a holiday on Monday

    with time_machine.travel(friday, tick=False):
        client.force_login(alice)
        response = client.post(page_of(queued), SAID, follow=True)

    assert "Reported. Signing in your name has stopped." in response.content.decode()
    kept = Repudiation.objects.get()
    assert kept.incident == Incident.objects.get(kind="not_signed_by_me")
    assert kept.reported_by == alice
    # The end of Tuesday in New York.
    assert kept.due_at.astimezone(UTC).replace(microsecond=0) == datetime(
        2027, 1, 20, 4, 59, 59, tzinfo=UTC
    )


@pytest.mark.cfr("1311.102(j)")
def test_the_right_to_sign_stops_at_once(reported, alice):
    other = make_draft(alice.provider)

    assert Suspension.objects.get().cause == "repudiated"
    with pytest.raises(ceremony.NotSignable):
        ceremony.mark_ready(other, by=alice)


@pytest.mark.cfr("1311.102(j)")
def test_designees_and_administrators_are_told_without_a_patient(
    client, alice, queued, django_capture_on_commit_callbacks
):
    client.force_login(alice)

    with django_capture_on_commit_callbacks(execute=True):
        client.post(page_of(queued), SAID)

    told = [one for one in mail.outbox if "not signed" in one.subject]
    addresses = {address for one in told for address in one.to}
    assert {"alice@demo.example", "admin-of-alice@demo.example"} <= addresses
    assert "Patient" not in " ".join(one.body for one in told)
    assert "tell DEA" in told[0].body


def test_what_was_not_sent_yet_is_never_sent(reported):
    assert reported.status == Status.CANCELLED
    assert Transmission.objects.get(prescription=reported).state == "withdrawn"


def test_it_is_on_record_once(reported):
    event = Event.objects.get(act="prescription.repudiated")

    assert (event.actor, event.subject_id) == ("alice", str(reported.public_id))
    assert event.detail["kind"] == "not_signed"
    assert "holiday" not in str(event.detail)


@pytest.mark.cfr("1311.102(j)")
def test_the_page_says_what_to_do_and_whom_to_call(client, reported, settings):
    settings.DEA_CONTACT = "DEA Albany: 518 555 0199"

    page = client.get(page_of(reported)).content.decode()

    assert "DEA Albany: 518 555 0199" in page
    assert "Tell DEA." in page
    assert "518-555-0122" in page  # the pharmacy
    assert '<form method="post" novalidate' not in page


@pytest.mark.cfr("1311.102(j)")
def test_one_that_differs_from_what_was_signed_is_reported_too(client, alice, queued):
    client.force_login(alice)

    client.post(page_of(queued), {"kind": "differs", "reason": "I wrote 10 tablets."})

    assert Repudiation.objects.get().kind == "differs"


def test_a_second_report_changes_nothing(client, alice, reported):
    client.post(page_of(reported), SAID)
    with pytest.raises(repudiation.AlreadyReported):
        repudiation.report(reported, by=alice, kind="differs", reason="x")

    assert Repudiation.objects.count() == Incident.objects.count() == 1


@pytest.mark.parametrize(
    "posted",
    [{}, {"kind": "x", "reason": "y"}, {"kind": "differs", "reason": "x" * 501}],
    ids=["nothing", "unknown", "too long"],
)
def test_a_report_says_what_is_wrong_and_why(client, alice, queued, posted):
    client.force_login(alice)

    assert client.post(page_of(queued), posted or {"kind": ""}).status_code == 422
    assert not Incident.objects.exists()


@pytest.mark.parametrize("who", ["bob", "sam", "mallory"])
def test_nobody_else_reports_it(client, queued, request, who):
    client.force_login(request.getfixturevalue(who))

    assert client.get(page_of(queued)).status_code == 404
    assert client.post(page_of(queued), SAID).status_code == 404
    assert not Repudiation.objects.exists()


def test_what_was_not_signed_cannot_be_reported(client, alice, ready):
    client.force_login(alice)

    assert client.post(page_of(ready), SAID).status_code == 404


def test_the_owner_of_the_dea_number_reports_it_after_leaving(client, alice, queued):
    alice.memberships.update(left_on="2026-01-01")
    client.force_login(alice)

    client.post(page_of(queued), SAID)

    assert Repudiation.objects.exists()


@pytest.mark.both_databases
@pytest.mark.usefixtures("as_owner")
def test_a_report_is_kept_as_it_was_made(reported):
    with pytest.raises(DatabaseError), transaction.atomic():
        Repudiation.objects.update(reason="Never mind.")
    with pytest.raises(DatabaseError), transaction.atomic():
        Repudiation.objects.all()._raw_delete("default")


def test_without_a_suspension_nothing_is_reported(client, alice, queued, monkeypatch):
    """All of it or nothing: a report that leaves the right to sign is none."""

    def broken(*args, **kwargs):
        raise RuntimeError("out of order")

    monkeypatch.setattr(repudiation.suspension, "suspend", broken)
    client.force_login(alice)

    with pytest.raises(RuntimeError):
        client.post(page_of(queued), SAID)

    assert not Repudiation.objects.exists()
    assert not Incident.objects.exists()


def test_the_links_to_it_are_where_it_is_found_out(client, alice, queued, practice):
    client.force_login(alice)
    detail = client.get(queued.get_absolute_url()).content.decode()
    today = practice.today()
    log = client.post(
        "/logs/", {"first": today, "last": today, "practice": practice.pk}, follow=True
    ).content.decode()

    assert page_of(queued) in detail
    assert page_of(queued) in log


@pytest.mark.both_databases
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_reports_at_once_make_one(alice, queued):
    results = at_once(
        lambda _: repudiation.report(queued, by=alice, **SAID),
        times=4,
    )

    made = [one for one in results if isinstance(one, Repudiation)]
    assert len(made) == 1
    assert all(
        isinstance(one, repudiation.AlreadyReported)
        for one in results
        if one not in made
    ), results
    assert Incident.objects.count() == Suspension.objects.count() == 1


@pytest.mark.cfr("1311.150(c)")
def test_who_decides_reads_what_was_reported_if_they_may_see_the_prescription(
    client, alice, bob, reported
):
    elsewhere = bob.memberships.get().practice
    Membership.objects.create(user=alice, practice=elsewhere, role=Role.PROVIDER)
    incident = Incident.objects.get(kind="not_signed_by_me")
    page = reverse("incident-detail", args=[incident.public_id])
    decides = access_managers.of(reported.practice).exclude(pk=alice.pk).get()

    client.force_login(decides)
    assert "I was on holiday that day." in client.get(page).text
    client.force_login(bob)
    of_another_practice = client.get(page)
    assert of_another_practice.status_code == 200
    assert "I was on holiday that day." not in of_another_practice.text
