"""Synthetic editions of the NDC directory, of any size, for benchmarks."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from prescriptions.drugs.ndc import terms
from prescriptions.drugs.ndc.files import COLUMNS, ENCODING, PACKAGES, PRODUCTS

CONTROLLED = [
    ("OXYCODONE HYDROCHLORIDE", "CII"),
    ("HYDROMORPHONE HYDROCHLORIDE", "CII"),
    ("METHYLPHENIDATE HYDROCHLORIDE", "CII"),
    ("BUPRENORPHINE HYDROCHLORIDE", "CIII"),
    ("KETAMINE HYDROCHLORIDE", "CIII"),
    ("ALPRAZOLAM", "CIV"),
    ("CLONAZEPAM", "CIV"),
    ("TRAMADOL HYDROCHLORIDE", "CIV"),
    ("ZOLPIDEM TARTRATE", "CIV"),
    ("PREGABALIN", "CV"),
]
FORMS = [
    ("TABLET", "ORAL", "mg/1"),
    ("CAPSULE", "ORAL", "mg/1"),
    ("TABLET, EXTENDED RELEASE", "ORAL", "mg/1"),
    ("CAPSULE, EXTENDED RELEASE", "ORAL", "mg/1"),
    ("TABLET, ORALLY DISINTEGRATING", "ORAL", "mg/1"),
    ("SOLUTION", "ORAL", "mg/5mL"),
]
LABELERS = 200
PLAIN = "10", ("LISINOPRIL", ""), FORMS[0]  # not controlled


def write(folder: Path, *, rows: int, controlled_percent: int, drugs: int) -> None:
    """Write an edition with this many product rows and controlled drugs at most."""
    with _open(folder / PRODUCTS) as file:
        for values in _products(rows, controlled_percent, drugs):
            file.write(_line(PRODUCTS, values))
    with _open(folder / PACKAGES) as file:
        for values in _products(rows, controlled_percent, drugs):
            file.write(_line(PACKAGES, _package(values)))


def names() -> Iterator[tuple[str, str, str]]:
    """Yield name, strength and form of an endless series of drugs."""
    for strength, (name, _), (form, route, unit) in _kinds():
        ingredient = terms.ingredient(name, strength, unit)
        yield (
            terms.label([ingredient]),
            terms.strength([ingredient]),
            terms.form(form, route).name,
        )


def _products(rows: int, percent: int, drugs: int) -> Iterator[dict[str, str]]:
    kinds = itertools.cycle(itertools.islice(_kinds(), drugs))
    for number in range(rows):
        kind = next(kinds) if number % 100 < percent else PLAIN
        strength, (name, schedule), (form, route, unit) = kind
        ndc = f"{number // 10_000 + 10_000}-{number % 10_000:04}"
        yield {
            "PRODUCTID": f"{ndc}_00000000-0000-4000-8000-{number:012}",
            "PRODUCTNDC": ndc,
            "PRODUCTTYPENAME": "HUMAN PRESCRIPTION DRUG",
            "PROPRIETARYNAME": f"Brand{number % 5_000}",
            "NONPROPRIETARYNAME": name.title(),
            "DOSAGEFORMNAME": form,
            "ROUTENAME": route,
            "STARTMARKETINGDATE": "20200101",
            "MARKETINGCATEGORYNAME": "ANDA",
            "LABELERNAME": f"Labeler {number % LABELERS}",
            "SUBSTANCENAME": name,
            "ACTIVE_NUMERATOR_STRENGTH": strength,
            "ACTIVE_INGRED_UNIT": unit,
            "PHARM_CLASSES": "Invented Class [EPC]; " * 5,
            "DEASCHEDULE": schedule,
            "NDC_EXCLUDE_FLAG": "N",
        }


def _kinds() -> Iterator[tuple[str, tuple[str, str], tuple[str, str, str]]]:
    for number in itertools.count(5):
        for substance, form in itertools.product(CONTROLLED, FORMS):
            yield f"{number / 10:g}", substance, form


def _package(values: dict[str, str]) -> dict[str, str]:
    code = f"{values['PRODUCTNDC']}-1"
    return values | {
        "NDCPACKAGECODE": code,
        "PACKAGEDESCRIPTION": f"100 in 1 BOTTLE ({code})",
        "SAMPLE_PACKAGE": "N",
    }


def _open(path: Path) -> TextIO:
    file = path.open("w", encoding=ENCODING, newline="\r\n")
    file.write("\t".join(COLUMNS[path.name]) + "\n")
    return file


def _line(file: str, values: dict[str, str]) -> str:
    return "\t".join(values.get(name, "") for name in COLUMNS[file]) + "\n"
