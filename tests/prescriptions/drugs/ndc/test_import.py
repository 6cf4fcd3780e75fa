"""An edition of the NDC directory becomes drugs, and says what it did not take."""

import zipfile
from datetime import date

import pytest
from django.core.management import CommandError, call_command

from audit.models import Event
from prescriptions.drugs import formulary
from prescriptions.drugs.ndc import importer
from prescriptions.drugs.ndc.files import NotReadable
from prescriptions.models import (
    Drug,
    DrugPackage,
    DrugProduct,
    DrugSource,
    ImportRun,
    RefusedRow,
    RunState,
)
from tests.prescriptions.drugs.ndc.files import (
    CODEINE,
    LISINOPRIL,
    package,
    product,
    write,
)

pytestmark = pytest.mark.django_db


def refusals():
    return [(row.file, row.line, row.reason) for row in RefusedRow.objects.all()]


@pytest.mark.both_databases
@pytest.mark.cfr("1306.05(a)")
def test_products_of_many_labelers_are_one_drug(tmp_path):
    run = importer.run(
        write(
            tmp_path,
            [
                product("0001-0552", LABELERNAME="One"),
                product(
                    "12345-678",
                    LABELERNAME="Another",
                    DOSAGEFORMNAME="TABLET, FILM COATED",
                ),
            ],
            [package("0001-0552-01"), package("12345-678-90")],
        )
    )

    [drug] = Drug.objects.all()
    assert drug.name == "Oxycodone hydrochloride 5 mg tablet"
    assert (drug.schedule, drug.dea_code, drug.narcotic) == ("II", "9143", True)
    assert (drug.unit, drug.unit_code) == ("tablet", "C48542")
    assert (drug.source, drug.is_prescribable) == (DrugSource.NDC, True)
    assert drug.ndc == "00001055201"
    assert {one.labeler for one in drug.products.all()} == {"One", "Another"}
    assert (run.state, run.percent) == (RunState.FINISHED, 100)
    assert run.counts["products new"] == 2


def test_products_join_the_drugs_of_the_formulary(tmp_path):
    formulary.load()
    before = Drug.objects.count()

    importer.run(
        write(
            tmp_path,
            [product("0001-0552"), product("0001-0777", **CODEINE)],
            [package("0001-0552-01"), package("0001-0777-01")],
        )
    )

    assert Drug.objects.count() == before
    joined = Drug.objects.exclude(ndc="").order_by("name")
    assert [(drug.name, drug.ndc) for drug in joined] == [
        ("Acetaminophen and codeine phosphate 300 mg-30 mg tablet", "00001077701"),
        ("Oxycodone hydrochloride 5 mg tablet", "00001055201"),
    ]


def test_a_product_keeps_what_the_row_says(tmp_path):
    row = product(
        "0001-0552",
        PROPRIETARYNAME="Oxyinvented®",
        ENDMARKETINGDATE="20280630",
        LABELERNAME="Café Labs",
    )
    importer.run(write(tmp_path, [row]))

    kept = DrugProduct.objects.get()
    assert (kept.proprietary_name, kept.labeler) == ("Oxyinvented®", "Café Labs")
    assert (kept.marketed_from, kept.marketed_until) == (
        date(2015, 1, 2),
        date(2028, 6, 30),
    )
    assert kept.drug.brands == "Oxyinvented®"


REFUSED = {
    "unknown schedule": ({"DEASCHEDULE": "CVI"}, "“CVI” is unknown"),
    "Schedule I": ({"DEASCHEDULE": "CI"}, "Nothing in Schedule I"),
    "too few strengths": (
        CODEINE | {"ACTIVE_NUMERATOR_STRENGTH": "300"},
        "2 substances, 1 strengths and 2 units",
    ),
    "too many units": (
        CODEINE | {"ACTIVE_INGRED_UNIT": "mg/1; mg/1; mg/1"},
        "2 substances, 2 strengths and 3 units",
    ),
    "no substance": ({"SUBSTANCENAME": ""}, "names no substance"),
    "an empty substance": ({"SUBSTANCENAME": "; "}, "names no substance"),
    "no number": ({"ACTIVE_NUMERATOR_STRENGTH": "five"}, "“five” is not a number"),
    "zero": ({"ACTIVE_NUMERATOR_STRENGTH": "0.0"}, "“0.0” is not a number above 0"),
    "of nothing": (
        {"ACTIVE_INGRED_UNIT": "mg/0mL"},
        "“mg/0mL” is an amount in nothing",
    ),
    "no NDC": ({"PRODUCTNDC": "123-45"}, "PRODUCTNDC"),
    "another id": ({"PRODUCTID": "9999-9999_x"}, "does not begin with"),
    "no date": ({"STARTMARKETINGDATE": "20151302"}, "“20151302” is not a date"),
    "unseen": ({"LABELERNAME": "In\x00vented"}, "cannot be printed"),
    "no labeler": ({"LABELERNAME": ""}, "no labeler"),
    "long": ({"LABELERNAME": "x" * 201}, "LABELERNAME: longer"),
}


@pytest.mark.cfr("1308.11", "1308.12")
@pytest.mark.parametrize(("values", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_row_that_cannot_be_understood_is_refused_by_line(tmp_path, values, reason):
    run = importer.run(
        write(tmp_path, [product("0001-0552", **values), product("0001-0777")])
    )

    [(file, line, said)] = refusals()
    assert (file, line) == ("product.txt", 2)
    assert reason in said
    assert run.counts["rows refused"] == 1
    assert [one.product_ndc for one in DrugProduct.objects.all()] == ["0001-0777"]


@pytest.mark.parametrize("text", ["", "a\tb", "\t" * 20], ids=["empty", "two", "21"])
def test_a_row_with_other_columns_is_refused_by_line(tmp_path, text):
    importer.run(write(tmp_path, [product("0001-0552"), text]))

    [(_, line, said)] = refusals()
    assert line == 3
    assert "fields instead of 20" in said


@pytest.mark.both_databases
def test_a_second_row_of_the_same_product_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(importer, "ROWS_A_BATCH", 2)
    rows = [product("0001-0552"), product("0001-0552"), product("0001-0552")]

    importer.run(write(tmp_path, rows))

    assert [(line, "PRODUCTID" in said) for _, line, said in refusals()] == [
        (3, True),
        (4, True),
    ]
    assert DrugProduct.objects.count() == 1


SKIPPED = {
    "not controlled": LISINOPRIL,
    "excluded by FDA": {"NDC_EXCLUDE_FLAG": "E"},
    "another type of product": {"PRODUCTTYPENAME": "BULK INGREDIENT"},
}


@pytest.mark.parametrize(("kind", "values"), SKIPPED.items(), ids=SKIPPED)
def test_what_is_none_of_the_portals_business_is_counted(tmp_path, kind, values):
    folder = write(
        tmp_path, [product("0001-0552", **values)], [package("0001-0552-01")]
    )

    run = importer.run(folder)

    assert run.counts[kind] == 1
    assert run.counts["packages of other products"] == 1
    assert not DrugProduct.objects.exists()
    assert not refusals()


@pytest.mark.cfr("1306.26")
def test_schedule_v_may_be_sold_over_the_counter(tmp_path):
    cough = {
        "PRODUCTTYPENAME": "HUMAN OTC DRUG",
        "SUBSTANCENAME": "CODEINE PHOSPHATE; GUAIFENESIN",
        "ACTIVE_NUMERATOR_STRENGTH": "10; 100",
        "ACTIVE_INGRED_UNIT": "mg/5mL; mg/5mL",
        "DOSAGEFORMNAME": "SOLUTION",
        "DEASCHEDULE": "CV",
    }
    importer.run(write(tmp_path, [product("0001-0552", **cough)]))

    drug = Drug.objects.get()
    assert drug.name == (
        "Codeine phosphate and guaifenesin 10 mg-100 mg/5 mL oral solution"
    )
    assert (drug.schedule, drug.unit) == ("V", "mL")


NOT_WRITABLE = {
    "a strength no prescription uses": (
        {"ACTIVE_INGRED_UNIT": "[hp_X]/1"},
        "Its strength is in a unit",
    ),
    "a form that is not counted": (
        {"DOSAGEFORMNAME": "IMPLANT", "ROUTENAME": "SUBCUTANEOUS"},
        "Its dosage form is counted in no unit",
    ),
    "too long a name": (
        {"SUBSTANCENAME": "OXYCODONE " + "HYDROCHLORIDE " * 8},
        "longer than 105 characters",
    ),
}


@pytest.mark.cfr("1306.05(a)")
@pytest.mark.parametrize(("values", "reason"), NOT_WRITABLE.values(), ids=NOT_WRITABLE)
def test_what_cannot_be_written_is_kept_and_not_prescribed(tmp_path, values, reason):
    importer.run(write(tmp_path, [product("0001-0552", **values)]))

    drug = DrugProduct.objects.get().drug
    assert reason in drug.unavailable
    assert not drug.is_prescribable
    assert drug.schedule == "II"


@pytest.mark.both_databases
def test_packages_get_eleven_digits_and_are_each_kept_once(tmp_path):
    products = [product("0001-0552"), product("12345-678"), product("12345-6789")]
    packages = [
        package("0001-0552-01"),
        package("12345-678-90", SAMPLE_PACKAGE="Y"),
        package("12345-6789-0"),
        package("12345-6789-0"),
        package("12345-6789-1", NDC_EXCLUDE_FLAG="E"),
        package("12345-6789-2", SAMPLE_PACKAGE="?"),
        package("12345-6789-123"),
        package("12345-6789-3", PRODUCTNDC="0001-0552"),
    ]

    run = importer.run(write(tmp_path, products, packages))

    assert set(DrugPackage.objects.values_list("as_written", "ndc", "is_sample")) == {
        ("0001-0552-01", "00001055201", False),
        ("12345-678-90", "12345067890", True),
        ("12345-6789-0", "12345678900", False),
    }
    assert [line for file, line, _ in refusals() if file == "package.txt"] == [
        5, 7, 8, 9,
    ]  # fmt: skip
    assert run.counts["packages excluded by FDA"] == 1


def test_a_sample_does_not_stand_for_a_drug(tmp_path):
    importer.run(
        write(
            tmp_path,
            [product("0001-0552")],
            [package("0001-0552-01", SAMPLE_PACKAGE="Y"), package("0001-0552-09")],
        )
    )

    assert Drug.objects.get().ndc == "00001055209"


def test_a_byte_that_is_not_cp1252_names_its_file_and_line(tmp_path):
    folder = write(tmp_path, [product("0001-0552"), product("0001-0777")])
    file = folder / "product.txt"
    file.write_bytes(file.read_bytes().replace(b"0001-0777", b"0001-\x8d777", 1))

    with pytest.raises(NotReadable, match=r"product\.txt, line 3: the byte 0x8d"):
        importer.run(folder)

    assert not DrugProduct.objects.exists()
    assert not ImportRun.objects.exists()


@pytest.mark.both_databases
def test_a_package_with_a_nul_character_is_refused_by_line(tmp_path):
    """As an interrupted copy leaves them; PostgreSQL keeps none."""
    packages = [package("0001-0552-01"), package("0001-0552-09")]
    nul = packages[0].replace("0001-0552_", "\0" + "0001-0552_", 1)

    importer.run(write(tmp_path, [product("0001-0552")], [nul, packages[1]]))

    [(file, line, said)] = refusals()
    assert (file, line) == ("package.txt", 2)
    assert "cannot be printed" in said
    assert DrugPackage.objects.count() == 1


def test_columns_that_are_not_fdas_are_named(tmp_path):
    folder = write(tmp_path, [product("0001-0552")])
    file = folder / "product.txt"
    file.write_bytes(file.read_bytes().replace(b"DEASCHEDULE", b"SCHEDULE", 1))

    with pytest.raises(NotReadable, match=r"line 1.*Missing: DEASCHEDULE.*SCHEDULE"):
        importer.run(folder)


def test_a_line_without_end_is_not_read_into_memory(tmp_path):
    folder = write(tmp_path, [product("0001-0552"), "x" * 100_000])

    with pytest.raises(NotReadable, match="line 3: it never ends"):
        importer.run(folder)


def test_the_zip_is_read_as_it_comes(tmp_path, capsys):
    folder = write(tmp_path / "files", [product("0001-0552")], [package("0001-0552-1")])
    archive = tmp_path / "ndctext.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as to:
        for file in folder.iterdir():
            to.write(file, f"ndctext/{file.name}")

    call_command("import_ndc", str(archive))

    said = capsys.readouterr()
    assert "Reading product.txt" in said.out
    assert "ndctext.zip is imported" in said.out
    assert "package.txt, line 2: The NDC “0001-0552-1” is not" in said.err
    assert DrugProduct.objects.count() == 1


BAD_ZIPS = {
    "cut off": lambda data: data[: len(data) // 2],
    "not a zip": lambda data: b"not a zip",
    "damaged": lambda data: data.replace(b"OXYCODONE", b"OXYCOD0NE", 1),
}


@pytest.mark.parametrize("damage", BAD_ZIPS.values(), ids=BAD_ZIPS)
def test_a_damaged_zip_is_not_imported(tmp_path, damage):
    folder = write(tmp_path / "files", [product("0001-0552")])
    archive = tmp_path / "ndctext.zip"
    with zipfile.ZipFile(archive, "w") as to:
        for file in folder.iterdir():
            to.write(file, file.name)
    archive.write_bytes(damage(archive.read_bytes()))

    with pytest.raises(CommandError, match="zip is damaged"):
        call_command("import_ndc", str(archive))

    assert not DrugProduct.objects.exists()


@pytest.mark.parametrize("missing", ["product.txt", "package.txt"])
def test_a_folder_without_its_files_is_not_imported(tmp_path, missing):
    folder = write(tmp_path, [product("0001-0552")])
    (folder / missing).unlink()

    with pytest.raises(CommandError, match=f"0 files named {missing}"):
        call_command("import_ndc", str(folder))


def test_an_import_is_on_record(tmp_path):
    run = importer.run(write(tmp_path, [product("0001-0552")]))

    event = Event.objects.get(act="drug_data.imported")
    assert event.subject == f"prescriptions.importrun:{run.pk}"
    assert event.detail["digest"] == run.digest
