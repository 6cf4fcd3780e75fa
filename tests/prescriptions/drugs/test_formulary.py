"""The formulary joins products to schedules; nobody typed a schedule beside a product."""

import csv
from collections import Counter

import pytest
from django.core.management import call_command

from prescriptions.drugs import formulary
from prescriptions.drugs.ndc import importer
from prescriptions.drugs.schedules import STRICTEST_FIRST
from prescriptions.models import Drug
from tests.prescriptions.drugs.ndc.files import package, product, write

ROWS = list(csv.DictReader((formulary.DATA / "formulary.csv").read_text().splitlines()))
SCHEDULES = list(
    csv.DictReader((formulary.DATA / "schedules.csv").read_text().splitlines())
)
FORMS = {
    "tablet": "tablet",
    "capsule": "capsule",
    "oral solution": "mL",
    "injection": "mL",
    "nasal spray": "mL",
    "topical gel": "g",
    "transdermal patch": "patch",
    "sublingual film": "film",
}


@pytest.mark.cfr("1308.12")
def test_every_product_joins_and_takes_the_strictest_schedule():
    listed = {row["substance"]: row["schedule"] for row in SCHEDULES}

    for row, drug in zip(ROWS, formulary.drugs(), strict=True):
        schedules = [listed[name] for name in row["substances"].split(";")]
        assert drug.schedule == min(schedules, key=STRICTEST_FIRST.index)


def test_a_combination_with_a_stricter_ingredient_is_as_strict():
    [drug] = [one for one in formulary.drugs() if "26.1 mg-5.2 mg" in one.name]

    assert (drug.schedule, drug.dea_code) == ("II", "1724")


@pytest.mark.parametrize(
    ("name", "schedule"),
    [
        ("Dronabinol 5 mg/mL oral solution", "II"),
        ("Dronabinol 5 mg capsule", "III"),
        ("Codeine sulfate 30 mg tablet", "II"),
        ("Acetaminophen and codeine phosphate 300 mg-30 mg tablet", "III"),
        ("Codeine phosphate and guaifenesin 10 mg-100 mg/5 mL oral solution", "V"),
        ("Oxycodone hydrochloride 5 mg tablet", "II"),
        ("Testosterone cypionate 200 mg/mL injection", "III"),
        ("Lorazepam 1 mg tablet", "IV"),
        ("Pregabalin 75 mg capsule", "V"),
    ],
)
def test_form_and_strength_decide_the_schedule(name, schedule):
    [drug] = [one for one in formulary.drugs() if one.name == name]

    assert drug.schedule == schedule


def test_the_unit_counts_what_the_form_is(subtests):
    for row in ROWS:
        with subtests.test(row["label"]):
            [unit] = {
                unit for form, unit in FORMS.items() if row["form"].endswith(form)
            }

            assert row["unit"] == unit


def test_substances_that_name_a_form_are_of_that_form():
    for row in ROWS:
        for form in ["tablet", "capsule", "oral solution"]:
            if form in row["substances"]:
                assert row["form"].endswith(form)


def test_there_are_enough_products_in_every_schedule_each_once():
    drugs = formulary.drugs()

    assert len(drugs) >= 120
    assert len({drug.name for drug in drugs}) == len(drugs)
    assert min(Counter(drug.schedule for drug in drugs).values()) >= 10


@pytest.mark.both_databases
@pytest.mark.django_db
def test_loading_twice_changes_nothing_and_keeps_what_was_retired(capsys):
    call_command("load_formulary")
    Drug.objects.filter(name__startswith="Meperidine").update(is_active=False)
    before = list(Drug.objects.order_by("pk").values())

    call_command("load_formulary")

    assert list(Drug.objects.order_by("pk").values()) == before
    assert f"{len(ROWS)} products" in capsys.readouterr().out


@pytest.mark.both_databases
@pytest.mark.django_db
def test_loading_again_keeps_the_brands_of_the_directory(tmp_path):
    call_command("load_formulary")
    brand = {"PROPRIETARYNAME": "Roxyinvented"}
    importer.run(
        write(tmp_path, [product("0001-0552", **brand)], [package("0001-0552-01")])
    )

    call_command("load_formulary")

    sold = Drug.objects.get(name="Oxycodone hydrochloride 5 mg tablet")
    assert sold.brands == "Roxyinvented"


def test_a_product_that_joins_nothing_is_named(tmp_path, monkeypatch):
    (tmp_path / "schedules.csv").write_text("substance,dea_code,schedule,narcotic\n")
    (tmp_path / "formulary.csv").write_text(
        "substances,label,strength,form,unit\nwater,Water,1 mL,injection,mL\n"
    )
    monkeypatch.setattr(formulary, "DATA", tmp_path)

    with pytest.raises(formulary.NotConsistent, match="water"):
        formulary.drugs()
