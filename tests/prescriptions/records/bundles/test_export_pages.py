"""Bundles that are asked for on a page, and what was imported."""

from datetime import timedelta

import pytest
import time_machine
from django.db import DatabaseError, transaction
from django.utils import timezone

from audit.models import Event
from prescriptions import signer
from prescriptions.models import (
    Export,
    ExportState,
    ImportedRecord,
    SignedRecord,
    SigningKey,
    Transmission,
)
from prescriptions.records import exports
from prescriptions.records.bundles import reader, verify
from providers.models import Membership, Role
from tests.factories import make_designee, make_provider, make_user
from tests.prescriptions.tampering import forget, tamper
from tests.threads import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.VAR_DIR = tmp_path / "var"


@pytest.fixture
def ask(client, practice):
    """Ask for a bundle as somebody; give back the export, made by a worker."""

    def asked(user, of="mine", **posted):
        client.force_login(user)
        scope = f"{of}-{practice.public_id}"
        response = client.post("/exports/", {"scope": scope} | posted)
        assert response.status_code == 302, response.content
        export = Export.objects.latest("pk")
        exports.make.call(export.pk)
        export.refresh_from_db()
        return export

    return asked


def download(client, export):
    return client.post(f"{export.get_absolute_url()}download/")


@pytest.mark.cfr("1311.305(c)")
@pytest.mark.cfr("1311.305(d)")
def test_a_practitioner_downloads_own_records_that_verify(
    client, signed, alice, ask, tmp_path
):
    export = ask(alice)

    response = download(client, export)

    (tmp_path / "got.zip").write_bytes(b"".join(response))
    report = verify.check(tmp_path / "got.zip")
    assert (report.problems, len(report.records)) == ([], 2)
    assert report.seal["practitioner"] == "Alice Example, MD"
    about = Event.objects.filter(subject=f"prescriptions.export:{export.public_id}")
    acts = about.values_list("act", "actor")
    assert sorted(acts) == [
        ("export.downloaded", "alice"),
        ("export.made", "alice"),
        ("export.requested", "alice"),
    ]


@pytest.mark.cfr("1311.305(d)")
def test_a_designee_exports_the_records_of_the_practice(client, signed, practice, ask):
    dana = make_user("dana")
    Membership.objects.create(user=dana, practice=practice, role=Role.ADMINISTRATOR)
    make_designee(dana, practice=practice)

    export = ask(dana, of="all")

    assert (export.state, export.provider, export.done) == (ExportState.DONE, None, 2)
    assert client.get(export.get_absolute_url()).status_code == 200


def test_days_limit_an_export(signed, alice, ask, practice):
    long_ago = practice.today() - timedelta(days=9)

    export = ask(alice, first=long_ago, last=long_ago)

    assert (export.state, export.done) == (ExportState.DONE, 0)


@pytest.mark.parametrize("who", ["sam", "mallory"])
def test_others_export_nothing(client, signed, practice, request, who):
    user = request.getfixturevalue(who)
    client.force_login(user)

    assert "You are neither." in client.get("/exports/").content.decode()
    client.post("/exports/", {"scope": f"all-{practice.public_id}"})
    with pytest.raises(exports.ExportRefused):
        exports.request(practice, provider=None, by=user)

    assert not Export.objects.exists()
    assert Event.objects.filter(act="permission.denied", actor=who).exists()


@pytest.mark.parametrize(
    "posted",
    [
        {"scope": "all-00000000-0000-4000-8000-000000000000"},
        {"scope": ""},
        {"scope": "0"},
        {"first": "2026-02-02", "last": "2026-02-01"},
        {"first": "<b>"},
    ],
    ids=["foreign", "none", "not one", "backwards", "hostile"],
)
def test_what_makes_no_sense_is_refused_at_the_field(client, alice, practice, posted):
    client.force_login(alice)
    scope = f"mine-{practice.public_id}"

    assert client.post("/exports/", {"scope": scope} | posted).status_code == 422


def test_who_may_export_more_than_one_thing_chooses(client, alice, practice):
    """Nothing is chosen beforehand that could be another practice's."""

    def chosen(user):
        client.force_login(user)
        return client.get("/exports/").content.decode().count(" checked")

    nina = make_provider("nina", practice=practice)

    assert (chosen(alice), chosen(nina.user)) == (0, 1)


def test_who_left_downloads_nothing_that_they_asked_for_before(
    client, signed, alice, ask
):
    export = ask(alice)
    alice.memberships.update(left_on=timezone.localdate())

    assert download(client, export).status_code == 404
    assert not client.get("/exports/").context["page"].object_list


def test_who_is_no_designee_any_more_downloads_own_records_alone(
    client, signed, alice, ask
):
    own, of_the_practice = ask(alice), ask(alice, of="all")
    alice.designations.update(until=timezone.now(), ended_by=alice)

    assert download(client, of_the_practice).status_code == 404
    assert client.get(own.get_absolute_url()).status_code == 200


@pytest.mark.parametrize("page", ["", "state/", "download/"])
@pytest.mark.parametrize("who", ["bob", "sam", "mallory"])
def test_nobody_else_sees_or_gets_an_export(
    client, signed, alice, ask, request, who, page
):
    address = f"{ask(alice).get_absolute_url()}{page}"
    client.force_login(request.getfixturevalue(who))

    ways = [client.post] if page == "download/" else [client.get]

    assert [way(address).status_code for way in ways] == [404]


def test_progress_is_shown_until_it_is_ready(client, signed, alice, ask):
    export = ask(alice)
    done = client.get(f"{export.get_absolute_url()}state/")
    assert done.status_code == 286
    assert "Ready: 2 prescriptions" in done.content.decode()

    Export.objects.update(state=ExportState.RUNNING, done=50, total=120)

    going_on = client.get(f"{export.get_absolute_url()}state/")
    assert going_on.status_code == 200
    assert "Being made: 50 of 120 prescriptions" in going_on.content.decode()


def test_an_export_that_fails_says_so_and_is_on_record(
    client, signed, alice, ask, settings, tmp_path
):
    settings.SIGNING_KEY_FILE = str(tmp_path / "missing.pem")
    signer.close()

    export = ask(alice)

    assert export.state == ExportState.FAILED
    assert "could not be made" in client.get(export.get_absolute_url()).content.decode()
    assert Event.objects.filter(act="export.failed", outcome="failure").exists()
    assert download(client, export).status_code == 302


def test_a_killed_worker_leaves_an_export_that_another_makes(signed, alice, ask):
    export = ask(alice)
    Export.objects.update(state=ExportState.RUNNING)
    assert exports.make.call(export.pk) == "nothing to do"

    with time_machine.travel(timezone.now() + timedelta(minutes=6), tick=False):
        exports.sweep()
        exports.make.call(export.pk)

    export.refresh_from_db()
    assert export.state == ExportState.DONE
    assert verify.check(exports.path_of(export)).problems == []


@pytest.mark.cfr("1311.120(b)(28)")
@pytest.mark.cfr("1311.305(a)")
@pytest.mark.cfr("1311.305(b)")
def test_the_file_is_removed_after_a_week_and_no_record_is(client, signed, alice, ask):
    export = ask(alice)
    assert exports.path_of(export).stat().st_mode & 0o077 == 0

    with time_machine.travel(timezone.now() + timedelta(days=8), tick=False):
        exports.sweep()

    export.refresh_from_db()
    assert export.state == ExportState.REMOVED
    assert not exports.path_of(export).exists()
    assert SignedRecord.objects.count() == 2


@pytest.mark.both_databases
def test_who_asked_for_what_is_not_changed(signed, alice, bob, ask):
    ask(alice)

    with pytest.raises(DatabaseError), transaction.atomic():
        Export.objects.update(requested_by=bob)


@pytest.mark.both_databases
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_workers_make_one_bundle(signed, alice, practice):
    export = exports.request(practice, provider=alice.provider, by=alice)

    at_once(lambda _: exports.make.call(export.pk), times=3)

    assert Event.objects.filter(act="export.made").count() == 1
    assert verify.check(exports.path_of(export)).problems == []


# What was imported


@pytest.fixture
def imported(folder, practice):
    kid = SigningKey.objects.get().kid
    for model in (Transmission, SignedRecord):
        forget(model)
    reader.import_bundle(folder, practice=practice, thumbprint=kid)
    return ImportedRecord.objects.get(drug__startswith="Oxycodone")


@pytest.mark.cfr("1311.305(e)")
def test_an_imported_record_is_found_and_read(client, imported, alice):
    client.force_login(alice)

    for query in ["patient oxycodone", "1980-02-29", imported.dea_number, "example"]:
        page = client.post("/records/imported/", {"q": query}).content.decode()
        assert imported.get_absolute_url() in page
    assert "Nothing found." in (
        client.post("/records/imported/", {"q": "nobody"}).content.decode()
    )
    page = client.get(imported.get_absolute_url()).content.decode()
    assert "Its signature verifies." in page
    assert "Take 1 tablet by mouth" in page
    assert "prescription.signed" in page


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "values", [{"payload": "{}"}, {"jws": "a.b.c"}, {"jws": "x"}, {"key": {}}]
)
def test_an_imported_record_that_was_changed_is_not_shown(
    client, imported, alice, values
):
    tamper(ImportedRecord, **values)
    client.force_login(alice)

    page = client.get(imported.get_absolute_url()).content.decode()

    assert "This record is not as it came" in page
    assert "Take 1 tablet" not in page


@pytest.mark.both_databases
def test_what_unicode_takes_for_a_line_ends_no_event(client, imported, alice):
    """JSON leaves U+2028 and U+0085 as they are within a text."""
    told = imported.events.replace('"actor":"', '"actor":"\u2028\u0085', 1)
    tamper(ImportedRecord, events=told)
    client.force_login(alice)

    page = client.get(imported.get_absolute_url())

    assert page.status_code == 200
    assert "prescription.signed" in page.text


@pytest.mark.parametrize("who", ["bob", "mallory"])
def test_no_other_practice_sees_imported_records(client, imported, request, who):
    client.force_login(request.getfixturevalue(who))

    assert client.get(imported.get_absolute_url()).status_code == 404
    assert "Nothing was imported" in client.get("/records/imported/").content.decode()
