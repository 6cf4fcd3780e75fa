"""An import goes on where it was killed, does nothing twice, and deletes nothing."""

import tracemalloc

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, transaction

from prescriptions.drugs import formulary
from prescriptions.drugs.ndc import importer, reviews, synthetic
from prescriptions.drugs.ndc.batches import Batch
from prescriptions.drugs.ndc.files import Directory
from prescriptions.models import (
    Drug,
    DrugPackage,
    DrugProduct,
    DrugWord,
    ImportRun,
    RefusedRow,
    ReviewTask,
    RunState,
    Stage,
    Status,
)
from tests.prescriptions.drugs.ndc.files import (
    CODEINE,
    LISINOPRIL,
    TRAMADOL,
    package,
    product,
    write,
)
from tests.prescriptions.factories import make_ready

pytestmark = pytest.mark.django_db
PRODUCTS = [
    product("0001-0552"),
    product("0001-0777", **CODEINE),
    product("0001-0888", DEASCHEDULE="CVI"),
    product("0001-0552"),
    product("0001-0999", **LISINOPRIL),
    product("0001-0444", **TRAMADOL | {"DEASCHEDULE": "CII"}),
    product("0002-0552", LABELERNAME="Another"),
]
PACKAGES = [
    package("0001-0552-01"),
    package("0001-0777-01"),
    package("0001-0999-01"),
    package("0001-0552-01"),
    package("0002-0552-09"),
]
STEPS = 4 + 1 + 3 + 1 + 1 + 2 + 1  # batches of both files, changes of stage, drugs


class Killed(BaseException):
    """What SIGKILL looks like from inside: nothing runs any more."""


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(importer, "ROWS_A_BATCH", 2)
    monkeypatch.setattr(importer, "DRUGS_A_BATCH", 2)


@pytest.fixture
def edition(tmp_path):
    return write(tmp_path, PRODUCTS, PACKAGES)


def assert_is_imported():
    """What an import leaves behind that nobody interrupted."""
    run = ImportRun.objects.get()
    assert (run.state, run.stage) == (RunState.FINISHED, "done")
    assert {name: count for name, count in run.counts.items() if count} == {
        "product.txt rows": 7,
        "package.txt rows": 5,
        "products new": 4,
        "not controlled": 1,
        "rows refused": 3,
        "reviews opened": 1,
        "packages": 3,
        "packages of other products": 1,
    }
    assert [(drug.name, drug.schedule, drug.ndc) for drug in Drug.objects.all()] == [
        (
            "Codeine phosphate and acetaminophen 30 mg-300 mg tablet",
            "III",
            "00001077701",
        ),
        ("Oxycodone hydrochloride 5 mg tablet", "II", "00001055201"),
        ("Tramadol hydrochloride 50 mg tablet", "II", ""),
    ]
    assert DrugProduct.objects.filter(retired_at=None).count() == 4
    assert DrugPackage.objects.filter(retired_at=None).count() == 3
    refused = RefusedRow.objects.values_list("file", "line")
    assert list(refused) == [("package.txt", 5), ("product.txt", 4), ("product.txt", 5)]
    assert ReviewTask.objects.count() == 1
    assert DrugWord.objects.filter(word=b"oxycodone").count() == 1


def test_the_steps_are_as_many_as_the_tests_below_interrupt(edition):
    shown = []

    importer.run(edition, progress=lambda run: shown.append(run.percent))

    assert len(shown) == STEPS
    assert shown == sorted(shown)
    assert_is_imported()


@pytest.mark.both_databases
@pytest.mark.parametrize("step", range(STEPS))
def test_an_import_killed_after_any_batch_goes_on(edition, step):
    steps = iter(range(STEPS))

    def killed(run):
        if next(steps) == step:
            raise Killed

    with pytest.raises(Killed):
        importer.run(edition, progress=killed)
    importer.run(edition)

    assert_is_imported()


@pytest.mark.both_databases
@pytest.mark.parametrize("batch", range(4 + 3 + 1 + 2))
def test_an_import_killed_inside_any_batch_goes_on(edition, monkeypatch, batch):
    keep, batches = Batch.save, iter(range(100))

    def killed(self):
        keep(self)
        if next(batches) == batch:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Batch, "save", killed)
        with pytest.raises(Killed):
            importer.run(edition)
    importer.run(edition)

    assert_is_imported()


def test_the_same_edition_again_does_nothing(edition, capsys):
    call_command("import_ndc", str(edition))
    before = list(DrugProduct.objects.values())

    call_command("import_ndc", str(edition))

    assert ImportRun.objects.count() == 1
    assert list(DrugProduct.objects.values()) == before


def test_an_edition_in_between_makes_the_older_one_new_again(tmp_path):
    first = write(tmp_path / "first", [product("0001-0552")])
    second = write(tmp_path / "second", [product("0001-0777")])

    for edition in [first, second, first]:
        importer.run(edition)

    current = DrugProduct.objects.filter(retired_at=None)
    assert [one.product_ndc for one in current] == ["0001-0552"]
    assert DrugProduct.objects.count() == 2


def test_a_killed_import_is_given_up_for_another_edition(edition, tmp_path):
    def killed(run):
        raise Killed

    with pytest.raises(Killed):
        importer.run(edition, progress=killed)
    importer.run(write(tmp_path / "newer", PRODUCTS[:1]))

    newer, older = ImportRun.objects.all()
    assert (newer.state, older.state) == (RunState.FINISHED, RunState.SUPERSEDED)


def test_files_that_are_exchanged_while_they_are_read_retire_nothing(tmp_path):
    importer.run(write(tmp_path, PRODUCTS))
    write(tmp_path, PRODUCTS[:5])

    def exchanged(run):
        if run.stage == Stage.PACKAGES:
            write(tmp_path, PRODUCTS[:1])

    with pytest.raises(importer.ImportStopped, match="changed while it was read"):
        importer.run(tmp_path, progress=exchanged)

    assert ImportRun.objects.first().state == RunState.FAILED
    assert not DrugProduct.objects.exclude(retired_at=None).exists()


@pytest.mark.both_databases
def test_two_processes_do_not_do_one_batch_twice(edition):
    def other_was_faster(run):
        ImportRun.objects.update(position=run.position + 1)

    with pytest.raises(importer.AnotherImportRuns, match="Another process"):
        importer.run(edition, progress=other_was_faster)

    assert ImportRun.objects.get().state == RunState.RUNNING


@pytest.mark.both_databases
def test_the_database_holds_one_running_import():
    ImportRun.objects.create(digest="a", source="a.zip")

    with pytest.raises(IntegrityError):
        ImportRun.objects.create(digest="b", source="b.zip")


@pytest.mark.both_databases
def test_unchanged_rows_are_left_alone(tmp_path):
    importer.run(write(tmp_path, [product("0001-0552")]))

    run = importer.run(write(tmp_path, [product("0001-0552"), PRODUCTS[1]]))

    assert (run.counts["products unchanged"], run.counts["products new"]) == (1, 1)


@pytest.mark.both_databases
def test_a_product_that_vanishes_is_retired_and_comes_back(tmp_path):
    rows, packages = [product("0001-0552"), PRODUCTS[1]], [package("0001-0552-01")]
    importer.run(write(tmp_path, rows, packages))

    run = importer.run(write(tmp_path, [PRODUCTS[1]]))

    drug = Drug.objects.get(name__startswith="Oxycodone")
    assert (run.counts["products retired"], run.counts["drugs retired"]) == (1, 1)
    assert drug.unavailable == reviews.VANISHED
    assert drug.ndc == ""
    assert drug.products.get().retired_at

    importer.run(write(tmp_path, rows, packages))

    drug.refresh_from_db()
    assert drug.is_prescribable
    assert drug.ndc == "00001055201"
    assert drug.products.get().retired_at is None


@pytest.mark.both_databases
@pytest.mark.parametrize("model", [DrugProduct, DrugPackage])
@pytest.mark.usefixtures("as_owner")
def test_the_database_keeps_what_was_imported(edition, model):
    importer.run(edition)

    with pytest.raises(DatabaseError, match="kept"), transaction.atomic():
        model.objects.all()._raw_delete("default")


def test_a_drug_of_the_formulary_stays_when_nobody_sells_it(tmp_path):
    formulary.load()
    importer.run(write(tmp_path, [product("0001-0552")]))

    importer.run(write(tmp_path, [PRODUCTS[1]]))

    assert Drug.objects.get(
        name__startswith="Oxycodone hydrochloride 5 mg t"
    ).is_prescribable


def test_what_an_administrator_took_out_stays_out(tmp_path):
    importer.run(write(tmp_path, [product("0001-0552")]))
    Drug.objects.update(is_active=False)

    importer.run(write(tmp_path, [product("0001-0552", LABELERNAME="Renamed")]))

    assert not Drug.objects.get().is_prescribable


def test_loading_the_formulary_moves_no_schedule_that_was_reviewed(tmp_path):
    formulary.load()
    tramadol = product("0001-0444", **TRAMADOL | {"DEASCHEDULE": "CII"})
    importer.run(write(tmp_path, [tramadol]))

    formulary.load()

    assert Drug.objects.get(name="Tramadol hydrochloride 50 mg tablet").schedule == "II"


def test_an_edition_without_most_products_is_not_believed(tmp_path, monkeypatch):
    rows = [product(f"0001-{number:04}") for number in range(30)]
    importer.run(write(tmp_path, rows))
    cut = write(tmp_path, rows[:10])

    with pytest.raises(CommandError, match="--may-retire-most"):
        call_command("import_ndc", str(cut))

    assert ImportRun.objects.first().state == RunState.FAILED
    assert not DrugProduct.objects.exclude(retired_at=None).exists()
    call_command("import_ndc", str(cut), may_retire_most=True)
    assert DrugProduct.objects.exclude(retired_at=None).count() == 20


def test_new_labels_of_the_same_products_are_no_loss(tmp_path):
    rows = [product(f"0001-{number:04}") for number in range(30)]
    relabeled = [product(f"0001-{number:04}", label=2) for number in range(30)]
    importer.run(write(tmp_path, rows))

    run = importer.run(write(tmp_path, relabeled))

    assert run.counts["products retired"] == run.counts["products new"] == 30
    assert Drug.objects.get().is_prescribable


@pytest.mark.cfr("1311.120(b)(10)")
def test_another_representative_ndc_makes_what_was_ready_a_draft(tmp_path, alice):
    rows = [product("0001-0552"), product("0002-0552")]
    packages = [package("0001-0552-01"), package("0002-0552-01")]
    importer.run(write(tmp_path, rows, packages))
    ready = make_ready(alice.provider, drug=Drug.objects.get())

    importer.run(write(tmp_path, rows, packages[1:]))

    ready.refresh_from_db()
    assert Drug.objects.get().ndc == "00002055201"
    assert ready.status == Status.DRAFT


def test_the_representative_ndc_stays_while_it_is_sold(tmp_path, alice):
    rows, packages = [product("0002-0552")], [package("0002-0552-01")]
    importer.run(write(tmp_path, rows, packages))
    ready = make_ready(alice.provider, drug=Drug.objects.get())

    importer.run(
        write(
            tmp_path,
            [*rows, product("0001-0552")],
            [*packages, package("0001-0552-01")],
        )
    )

    ready.refresh_from_db()
    assert Drug.objects.get().ndc == "00002055201"
    assert ready.status == Status.READY


def test_a_file_is_never_in_memory_as_a_whole(tmp_path):
    edition = tmp_path / "edition"
    edition.mkdir()
    synthetic.write(edition, rows=20_000, controlled_percent=10, drugs=10)
    size = sum(file.stat().st_size for file in edition.iterdir())
    directory = Directory(edition)

    tracemalloc.start()
    directory.examine()
    rows = sum(1 for _ in directory.rows("product.txt"))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert rows == 20_000
    assert most < size / 20


def test_what_is_invented_for_benchmarks_is_in_fdas_format(tmp_path):
    edition = tmp_path / "edition"
    edition.mkdir()
    synthetic.write(edition, rows=200, controlled_percent=10, drugs=15)

    run = importer.run(edition)

    assert run.counts["not controlled"] == 180
    assert run.counts["products new"] == run.counts["packages"] == 20
    assert "rows refused" not in run.counts
    assert not ReviewTask.objects.exists()
