"""The portal's own formulary: products joined to schedules by substance.

A schedule is never written beside a product: it is looked up, and a combination has
the strictest schedule of its ingredients (21 CFR 1308).
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from prescriptions.drugs import schedules, search
from prescriptions.models import Drug

DATA = Path(__file__).parent / "data"
# NCI Thesaurus codes of NCPDP's QuantityUnitOfMeasure.
UNIT_CODES = {
    "tablet": "C48542",
    "capsule": "C48480",
    "mL": "C28254",
    "g": "C48155",
    "patch": "C48524",
    "film": "C53499",
}


class NotConsistent(Exception):
    """A row of the formulary names an unknown substance; the message says which."""


@dataclass(frozen=True)
class Substance:
    name: str
    dea_code: str
    schedule: str
    narcotic: bool


def substances() -> dict[str, Substance]:
    """Return the substances of 21 CFR 1308.12 to 1308.15 by name."""
    return {
        row["substance"]: Substance(
            name=row["substance"],
            dea_code=row["dea_code"],
            schedule=row["schedule"],
            narcotic=row["narcotic"] == "Y",
        )
        for row in _rows("schedules.csv")
    }


def drugs() -> list[Drug]:
    """Return the products, unsaved; raise NotConsistent."""
    known = substances()
    return [_drug(row, known) for row in _rows("formulary.csv")]


def load() -> int:
    """Create or update the products in the database and return their number.

    What an administrator retired stays retired, and a drug with a review of its
    schedule keeps its schedule. Raise NotConsistent.
    """
    fields = ["substance", "strength", "form", "schedule", "dea_code", "narcotic"]
    products = drugs()
    _keep_reviewed_schedules(products)
    _keep_directory_brands(products)
    Drug.objects.bulk_create(
        products,
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=[*fields, "unit", "unit_code", "brands"],
    )
    search.index(Drug.objects.filter(name__in=[drug.name for drug in products]))
    return len(products)


def _keep_reviewed_schedules(products: list[Drug]) -> None:
    reviewed = Drug.objects.filter(review_tasks__isnull=False).in_bulk(
        field_name="name"
    )
    for drug in products:
        if stored := reviewed.get(drug.name):
            drug.schedule, drug.dea_code = stored.schedule, stored.dea_code
            drug.narcotic = stored.narcotic


def _keep_directory_brands(products: list[Drug]) -> None:
    sold = Drug.objects.filter(products__isnull=False).in_bulk(field_name="name")
    for drug in products:
        if drug.name in sold:
            drug.brands = sold[drug.name].brands


def _drug(row: dict[str, str], known: dict[str, Substance]) -> Drug:
    names = row["substances"].split(";")
    ingredients = _ingredients(names, known)
    schedule = schedules.strictest(ingredient.schedule for ingredient in ingredients)
    strictest = next(each for each in ingredients if each.schedule == schedule)
    drug = Drug(
        substance="; ".join(names),
        name=f"{row['label']} {row['strength']} {row['form']}",
        strength=row["strength"],
        form=row["form"],
        schedule=schedule,
        dea_code=strictest.dea_code,
        narcotic=any(ingredient.narcotic for ingredient in ingredients),
        unit=row["unit"],
        unit_code=UNIT_CODES[row["unit"]],
        brands=row["brands"],
    )
    drug.clean_fields()
    return drug


def _ingredients(names: list[str], known: dict[str, Substance]) -> list[Substance]:
    if unknown := [name for name in names if name not in known]:
        raise NotConsistent(f"Not in schedules.csv: {', '.join(unknown)}.")
    return [known[name] for name in names]


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
