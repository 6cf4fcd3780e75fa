"""A schedule that changes is reviewed by a person; until then the stricter holds."""

import pytest
from django.db import DatabaseError
from django.urls import reverse

from audit.models import Event
from prescriptions.drugs.ndc import importer, reviews
from prescriptions.models import Decision, Drug, ReviewTask, Status
from tests.factories import PASSWORD, code_of, make_device, make_user
from tests.prescriptions.drugs.ndc.files import (
    BUTALBITAL,
    CODEINE,
    TRAMADOL,
    package,
    product,
    write,
)
from tests.prescriptions.factories import make_draft, make_ready

pytestmark = pytest.mark.django_db
# 21 CFR 1308, as the portal knows it, does not list it.
INVENTEDOL = {"SUBSTANCENAME": "INVENTEDOL", "PROPRIETARYNAME": "Inventedol"}


@pytest.fixture
def administrator():
    return make_user("adele", is_staff=True, is_superuser=True)


@pytest.fixture
def edition(tmp_path):
    """Import an edition that holds one product, or these."""

    def imported(*rows, packages=(), **values):
        rows = rows or [product("0001-0552", **values)]
        return importer.run(write(tmp_path, rows, packages))

    return imported


def schedule():
    return Drug.objects.get().schedule


def questions():
    open_ones = ReviewTask.objects.filter(decision=Decision.OPEN)
    return [(one.old_schedule, one.new_schedule) for one in open_ones]


@pytest.mark.cfr("1308.12", "1308.14")
def test_a_stricter_schedule_is_in_force_at_once(edition):
    edition(**TRAMADOL)

    edition(**TRAMADOL | {"DEASCHEDULE": "CII"})

    assert schedule() == "II"
    assert questions() == [("IV", "II")]


@pytest.mark.cfr("1308.12", "1308.13")
def test_a_laxer_schedule_waits_for_a_decision(edition):
    edition()

    edition(DEASCHEDULE="CIII")

    assert schedule() == "II"
    assert questions() == [("II", "III")]
    assert "1308" in ReviewTask.objects.get().reason


@pytest.mark.cfr("1308.12")
def test_what_the_labeler_reports_too_lax_from_the_first_is_as_strict_as_the_law(
    edition,
):
    edition(DEASCHEDULE="CIV")

    assert schedule() == "II"
    assert questions() == [("II", "IV")]


def test_what_the_labeler_reports_stricter_than_the_law_is_as_strict(edition):
    edition(**TRAMADOL | {"DEASCHEDULE": "CII"})

    assert schedule() == "II"
    assert questions() == [("IV", "II")]


def test_what_agrees_asks_nobody(edition):
    edition(product("0001-0552"), product("0001-0777", **CODEINE))

    assert not ReviewTask.objects.exists()


@pytest.mark.cfr("1308.15", "1308.13")
def test_codeine_is_in_schedule_v_only_as_a_weak_liquid(edition):
    liquid = {
        "DOSAGEFORMNAME": "SOLUTION",
        "SUBSTANCENAME": "CODEINE PHOSPHATE; GUAIFENESIN",
        "ACTIVE_NUMERATOR_STRENGTH": "10; 100",
        "ACTIVE_INGRED_UNIT": "mg/5mL; mg/5mL",
        "DEASCHEDULE": "CV",
    }
    edition(
        product("0001-0001", **liquid),
        product("0001-0002", **CODEINE | {"DEASCHEDULE": "CV"}),
        product("0001-0003", **liquid | {"ACTIVE_NUMERATOR_STRENGTH": "15; 100"}),
    )

    assert [drug.schedule for drug in Drug.objects.order_by("pk")] == [
        "V",
        "III",
        "III",
    ]
    assert sorted(questions()) == [("III", "V"), ("III", "V")]


@pytest.mark.cfr("1308.12", "1308.13")
@pytest.mark.parametrize(
    ("form", "unit", "reported", "held"),
    [
        ("SOLUTION", "mg/mL", "CII", "II"),
        ("SOLUTION", "mg/mL", "CIII", "II"),
        ("CAPSULE, LIQUID FILLED", "mg/1", "CIII", "III"),
    ],
)
def test_the_form_of_dronabinol_decides_its_schedule(
    edition, form, unit, reported, held
):
    edition(
        SUBSTANCENAME="DRONABINOL",
        DOSAGEFORMNAME=form,
        ACTIVE_INGRED_UNIT=unit,
        DEASCHEDULE=reported,
    )

    assert schedule() == held
    assert bool(questions()) == (reported != f"C{held}")


@pytest.mark.cfr("1308.32")
def test_a_product_that_may_be_exempted_is_controlled_until_decided(
    edition, administrator
):
    edition(**BUTALBITAL)

    drug = Drug.objects.get()
    [task] = ReviewTask.objects.all()
    assert (drug.schedule, drug.is_prescribable) == ("III", True)
    assert (task.old_schedule, task.new_schedule) == ("III", "")
    assert "1308.32" in task.reason

    reviews.decide(task, accept=True, by=administrator)

    drug.refresh_from_db()
    assert drug.unavailable == reviews.NOT_CONTROLLED


def test_a_substance_that_the_table_does_not_know_waits_for_a_decision(
    edition, administrator
):
    edition(**INVENTEDOL)

    drug = Drug.objects.get()
    assert drug.unavailable == reviews.UNDECIDED
    assert (drug.schedule, drug.narcotic, drug.dea_code) == ("II", True, "")
    assert questions() == [("", "II")]

    reviews.decide(ReviewTask.objects.get(), accept=True, by=administrator)

    drug.refresh_from_db()
    assert drug.is_prescribable


@pytest.mark.parametrize(
    ("before", "after", "held"), [("CIV", "CIII", "III"), ("CIII", "CIV", "III")]
)
def test_without_the_table_the_change_itself_is_the_question(
    edition, administrator, before, after, held
):
    edition(**INVENTEDOL | {"DEASCHEDULE": before})
    reviews.decide(ReviewTask.objects.get(), accept=True, by=administrator)

    edition(**INVENTEDOL | {"DEASCHEDULE": after})

    assert schedule() == held
    assert questions() == [(before[1:], after[1:])]


@pytest.mark.cfr("1311.120(b)(10)")
def test_a_stricter_schedule_makes_what_was_ready_a_draft(edition, alice):
    edition(packages=[package("0001-0552-01")], **TRAMADOL)
    ready = make_ready(alice.provider, drug=Drug.objects.get())
    other = make_ready(alice.provider)

    run = edition(
        packages=[package("0001-0552-01")], **TRAMADOL | {"DEASCHEDULE": "CII"}
    )

    ready.refresh_from_db()
    other.refresh_from_db()
    assert (ready.status, ready.ready_digest) == (Status.DRAFT, "")
    assert other.status == Status.READY
    assert run.counts["prescriptions made drafts again"] == 1
    event = Event.objects.get(act="prescription.unready")
    assert (event.subject, event.actor) == (
        f"prescriptions.prescription:{ready.public_id}",
        "system",
    )
    assert event.detail["reason"] == "drug data changed"


def test_a_laxer_schedule_leaves_what_was_ready(edition, alice):
    edition(packages=[package("0001-0552-01")])
    ready = make_ready(alice.provider, drug=Drug.objects.get())

    edition(packages=[package("0001-0552-01")], DEASCHEDULE="CIII")

    ready.refresh_from_db()
    assert ready.status == Status.READY


@pytest.mark.parametrize(
    ("accept", "held", "decision"), [(True, "III", "accepted"), (False, "II", "kept")]
)
def test_a_decision_is_in_force_and_on_record(
    edition, alice, administrator, accept, held, decision
):
    edition()
    edition(DEASCHEDULE="CIII")
    draft = make_draft(alice.provider, drug=Drug.objects.get())
    task = ReviewTask.objects.get()

    reviews.decide(task, accept=accept, by=administrator)

    task.refresh_from_db()
    assert (task.decision, task.decided_by) == (decision, administrator)
    assert schedule() == held
    event = Event.objects.get(act="drug_review.decided")
    assert event.actor == "adele"
    assert event.detail == {"status": decision, "schedule": held}
    draft.refresh_from_db()
    assert draft.schedule == "II"  # a person reviews the draft again


def test_a_rejected_stricter_schedule_is_taken_back(edition, administrator):
    edition(**TRAMADOL | {"DEASCHEDULE": "CII"})

    reviews.decide(ReviewTask.objects.get(), accept=False, by=administrator)

    drug = Drug.objects.get()
    assert (drug.schedule, drug.dea_code) == ("IV", "9752")


def test_what_was_decided_is_not_asked_again(edition, administrator):
    edition(DEASCHEDULE="CIII")
    reviews.decide(ReviewTask.objects.get(), accept=True, by=administrator)

    edition(
        product("0001-0552", DEASCHEDULE="CIII", LABELERNAME="Renamed"),
        product("0001-0777", DEASCHEDULE="CIII"),
    )

    assert schedule() == "III"
    assert not questions()


def test_what_was_kept_is_not_asked_again_for_the_same_product(edition, administrator):
    edition(**TRAMADOL | {"DEASCHEDULE": "CII"})
    reviews.decide(ReviewTask.objects.get(), accept=False, by=administrator)

    edition(**TRAMADOL | {"DEASCHEDULE": "CII", "LABELERNAME": "Renamed"})

    assert schedule() == "IV"
    assert not questions()


def test_one_question_for_many_labelers(edition):
    edition(*(product(f"0001-{n:04}", DEASCHEDULE="CIII") for n in range(5)))

    assert questions() == [("II", "III")]


def test_nobody_but_staff_decides(edition, alice):
    edition(DEASCHEDULE="CIII")

    with pytest.raises(reviews.NotDecided):
        reviews.decide(ReviewTask.objects.get(), accept=True, by=alice)

    assert schedule() == "II"


@pytest.mark.both_databases
def test_a_decision_is_made_once(edition, administrator):
    edition(DEASCHEDULE="CIII")
    task = ReviewTask.objects.get()
    reviews.decide(task, accept=False, by=administrator)

    with pytest.raises(reviews.NotDecided, match="already"):
        reviews.decide(task, accept=True, by=administrator)
    with pytest.raises(DatabaseError, match="decided"):
        ReviewTask.objects.update(decision=Decision.ACCEPTED)


@pytest.mark.both_databases
@pytest.mark.usefixtures("as_owner")
def test_reviews_are_kept(edition):
    edition(DEASCHEDULE="CIII")

    with pytest.raises(DatabaseError, match="kept"):
        ReviewTask.objects.all().delete()


@pytest.fixture
def in_admin(client, administrator):
    """A client that has passed the door of the admin."""
    device = make_device(administrator)
    client.force_login(administrator)
    client.post(
        reverse("admin-verify"), {"password": PASSWORD, "code": code_of(device)}
    )
    return client


def test_an_administrator_decides_with_a_button(in_admin, edition):
    edition(DEASCHEDULE="CIII")
    task = ReviewTask.objects.get()
    shown = in_admin.get(
        reverse("admin:prescriptions_reviewtask_change", args=[task.pk])
    )
    address = reverse("admin:prescriptions_reviewtask_decide", args=[task.pk])

    nothing = in_admin.post(address, {"decision": "whatever"}, follow=True)
    decided = in_admin.post(address, {"decision": "accepted"}, follow=True)
    again = in_admin.post(address, {"decision": "kept"}, follow=True)

    assert "It is in Schedule III" in shown.content.decode()
    assert "Choose one of the two" in nothing.content.decode()
    assert "accepted by adele" in decided.content.decode()
    assert "Somebody has decided this already" in again.content.decode()
    assert schedule() == "III"


def test_who_may_only_look_decides_nothing(in_admin, administrator, edition):
    edition(DEASCHEDULE="CIII")
    administrator.is_superuser = False
    administrator.save()
    address = reverse(
        "admin:prescriptions_reviewtask_decide", args=[ReviewTask.objects.get().pk]
    )

    assert in_admin.post(address, {"decision": "accepted"}).status_code == 403
    assert schedule() == "II"


@pytest.mark.parametrize(
    "name",
    ["reviewtask", "importrun", "refusedrow", "drugproduct", "drugpackage", "drug"],
)
def test_the_admin_shows_what_was_imported(in_admin, edition, name):
    edition(
        product("0001-0552", DEASCHEDULE="CIII"),
        product("0001-0777", DEASCHEDULE="CVI"),
        packages=[package("0001-0552-01")],
    )

    listed = in_admin.get(reverse(f"admin:prescriptions_{name}_changelist"), {"q": "0"})
    pages = [in_admin.get(link) for link in _links(listed)]

    assert listed.status_code == 200
    assert all(page.status_code == 200 for page in pages)


def _links(listed):
    rows = listed.context["cl"].result_list
    name = listed.context["cl"].opts.model_name
    return [
        reverse(f"admin:prescriptions_{name}_change", args=[row.pk]) for row in rows
    ]


def test_of_a_drug_of_the_directory_only_its_use_is_changed(in_admin, edition):
    edition()
    drug = Drug.objects.get()
    address = reverse("admin:prescriptions_drug_change", args=[drug.pk])

    in_admin.post(address, {"name": "Renamed", "schedule": "V"})

    drug.refresh_from_db()
    assert (drug.name, drug.schedule) == ("Oxycodone hydrochloride 5 mg tablet", "II")
    assert not drug.is_active
