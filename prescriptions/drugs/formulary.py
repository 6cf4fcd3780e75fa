"""The formulary that comes with the portal: products joined to schedules by substance.

A schedule is never typed beside a product: it is looked up, and a combination takes
the strictest of its ingredients (21 CFR 1308).
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
    """A row of the formulary does not join or contradicts itself; names it."""


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
    """Put the products into the database, each once; return how many there are.

    What an administrator retired stays retired, and a schedule that a review is about
    stays where it is.
    """
    fields = ["substance", "strength", "form", "schedule", "dea_code", "narcotic"]
    products = drugs()
    _keep_what_is_reviewed(products)
    _keep_brands_of_the_directory(products)
    Drug.objects.bulk_create(
        products,
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=[*fields, "unit", "unit_code", "brands"],
    )
    search.index(Drug.objects.filter(name__in=[drug.name for drug in products]))
    return len(products)


def _keep_what_is_reviewed(products: list[Drug]) -> None:
    reviewed = Drug.objects.filter(review_tasks__isnull=False).in_bulk(
        field_name="name"
    )
    for drug in products:
        if kept := reviewed.get(drug.name):
            drug.schedule, drug.dea_code = kept.schedule, kept.dea_code
            drug.narcotic = kept.narcotic


def _keep_brands_of_the_directory(products: list[Drug]) -> None:
    sold = Drug.objects.filter(products__isnull=False).in_bulk(field_name="name")
    for drug in products:
        if drug.name in sold:
            drug.brands = sold[drug.name].brands


def _drug(row: dict[str, str], known: dict[str, Substance]) -> Drug:
    names = row["substances"].split(";")
    if unknown := [name for name in names if name not in known]:
        raise NotConsistent(f"Not in schedules.csv: {', '.join(unknown)}.")
    ingredients = [known[name] for name in names]
    schedule = schedules.strictest(one.schedule for one in ingredients)
    ruling = next(one for one in ingredients if one.schedule == schedule)
    drug = Drug(
        substance="; ".join(names),
        name=f"{row['label']} {row['strength']} {row['form']}",
        strength=row["strength"],
        form=row["form"],
        schedule=schedule,
        dea_code=ruling.dea_code,
        narcotic=any(one.narcotic for one in ingredients),
        unit=row["unit"],
        unit_code=UNIT_CODES[row["unit"]],
        brands=row["brands"],
    )
    drug.clean_fields()
    return drug


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
