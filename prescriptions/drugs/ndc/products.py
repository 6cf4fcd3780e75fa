"""Parse rows of product.txt and package.txt; refuse those that make no sense."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from prescriptions import formats
from prescriptions.drugs import formulary, ndc_codes, schedules
from prescriptions.drugs.ndc import crosscheck, terms
from prescriptions.drugs.ndc.files import Refused, Row
from prescriptions.drugs.ndc.terms import Form, Ingredient
from providers.models import Schedule

EDITION = "1"  # raise it when the meaning of a row changes
PRESCRIPTION, OVER_THE_COUNTER = "HUMAN PRESCRIPTION DRUG", "HUMAN OTC DRUG"
SCHEDULES = {f"C{schedule}": schedule.value for schedule in Schedule} | {"": ""}
EXEMPTED = "Some such products are exempted (21 CFR 1308.32)."
# A prescription for amphetamine mixed salts states the sum of the four.
MIXED_SALTS = ["amphetamine", "amphetamine", "dextroamphetamine", "dextroamphetamine"]
LENGTHS = {"LABELERNAME": 200, "MARKETINGCATEGORYNAME": 100}
# Characters: of SCRIPT or of the column.
NAME_LENGTH, KEY_LENGTH, STRENGTH_LENGTH, SUBSTANCE_LENGTH = 105, 400, 70, 255


class Skipped(Exception):
    """A row outside the portal's scope; the message says of which kind."""


@dataclass(frozen=True)
class Product:
    """A row of product.txt that is imported."""

    line: int
    product_id: str
    product_ndc: str
    product_type: str
    proprietary_name: str
    labeler: str
    marketing_category: str
    marketed_from: date | None
    marketed_until: date | None
    ingredients: list[Ingredient]
    form: Form
    reported: str  # II to V; empty: not controlled, according to the labeler
    listed: str  # the strictest that 21 CFR 1308 lists for its substances, or empty
    schedule: str  # the stricter of the two
    is_agreed: bool
    digest: str

    @property
    def names(self) -> list[str]:
        return [ingredient.name for ingredient in self.ingredients]

    @property
    def description(self) -> str:
        strength = terms.strength(self.ingredients)
        return f"{terms.label(self.ingredients)} {strength} {self.form.name}"

    @property
    def key(self) -> str:
        return terms.key_for(self.ingredients, self.form.name)

    @property
    def obstacle(self) -> str:
        """Why this cannot be written on a prescription; empty if it can."""
        if not all(ingredient.is_writable for ingredient in self.ingredients):
            return "Its strength is in a unit that a prescription does not use."
        if not self.form.unit:
            return "Its dosage form is counted in no unit that SCRIPT has a code for."
        if len(self.description) > NAME_LENGTH:
            return f"Its description is longer than {NAME_LENGTH} characters."
        return ""


@dataclass(frozen=True)
class Package:
    """A row of package.txt that is imported."""

    line: int
    product_id: str
    ndc: str
    as_written: str
    description: str
    is_sample: bool


def rules_digest() -> str:
    """Return a digest of the rules; when it changes, every row is parsed again."""
    table = (formulary.DATA / "schedules.csv").read_bytes()
    return hashlib.sha256(EDITION.encode() + table).hexdigest()


def product(row: Row, *, rules: str) -> Product:
    """Return the product of a row of product.txt; raise Refused or Skipped."""
    values = row.values()
    reported = _reported(values)
    names = _substances(values, reported)
    _check(values)
    ingredients = _ingredients(values, names)
    form = terms.form(values["DOSAGEFORMNAME"], values["ROUTENAME"])
    possible = crosscheck.possible_schedules(ingredients, form)
    schedule, is_agreed = schedules.ruling(reported, possible)
    if schedule is None:
        raise Skipped("not controlled")
    return Product(
        line=row.line,
        product_id=values["PRODUCTID"],
        product_ndc=values["PRODUCTNDC"],
        product_type=values["PRODUCTTYPENAME"],
        proprietary_name=values["PROPRIETARYNAME"],
        labeler=values["LABELERNAME"],
        marketing_category=values["MARKETINGCATEGORYNAME"],
        marketed_from=_day(values["STARTMARKETINGDATE"]),
        marketed_until=_day(values["ENDMARKETINGDATE"]),
        ingredients=ingredients,
        form=form,
        reported=reported,
        listed=_strictest(possible),
        schedule=schedule.value,
        is_agreed=is_agreed,
        digest=hashlib.sha256(f"{rules}{row.text}".encode()).hexdigest(),
    )


def package(row: Row) -> Package:
    """Return the package of a row of package.txt; raise Refused or Skipped."""
    values = row.values()
    if values["NDC_EXCLUDE_FLAG"] != "N":
        raise Skipped("excluded by FDA")
    if values["SAMPLE_PACKAGE"] not in {"Y", "N"}:
        raise Refused(f"SAMPLE_PACKAGE is “{values['SAMPLE_PACKAGE'][:20]}”.")
    code = values["NDCPACKAGECODE"]
    if not code.startswith(f"{values['PRODUCTNDC']}-"):
        raise Refused(f"The package “{code[:20]}” is not one of its product.")
    return Package(
        line=row.line,
        product_id=values["PRODUCTID"],
        ndc=_eleven_digits(code),
        as_written=code,
        description=values["PACKAGEDESCRIPTION"][:500],
        is_sample=values["SAMPLE_PACKAGE"] == "Y",
    )


def _strictest(possible: list[set[str]]) -> str:
    listed = set[str]().union(*possible)
    return schedules.strictest(listed).value if listed else ""


def _reported(values: dict[str, str]) -> str:
    kind, schedule = values["PRODUCTTYPENAME"], values["DEASCHEDULE"]
    # 21 CFR 1306.26: some of Schedule V is sold without a prescription.
    if kind != PRESCRIPTION and not (kind == OVER_THE_COUNTER and schedule):
        raise Skipped("another type of product")
    if values["NDC_EXCLUDE_FLAG"] != "N":
        raise Skipped("excluded by FDA")
    if schedule == "CI":
        raise Refused("Nothing in Schedule I is prescribed (21 CFR 1308.11).")
    if schedule not in SCHEDULES:
        raise Refused(f"The DEASCHEDULE “{schedule[:20]}” is unknown.")
    return SCHEDULES[schedule]


def _substances(values: dict[str, str], reported: str) -> list[str]:
    names = _parts(values["SUBSTANCENAME"])
    if not reported and not any(map(crosscheck.is_listed, names)):
        raise Skipped("not controlled")
    return names


def _check(values: dict[str, str]) -> None:
    if not ndc_codes.PRODUCT.match(values["PRODUCTNDC"]):
        raise Refused(f"The PRODUCTNDC “{values['PRODUCTNDC'][:20]}” is not one.")
    if not values["PRODUCTID"].startswith(f"{values['PRODUCTNDC']}_"):
        raise Refused("The PRODUCTID does not begin with the PRODUCTNDC.")
    if len(values["PRODUCTID"]) > 64:
        raise Refused("The PRODUCTID is longer than 64 characters.")
    if not all(map(formats.is_printable, values.values())):
        raise Refused("It has characters that cannot be printed.")
    if not values["LABELERNAME"]:
        raise Refused("It names no labeler.")
    limits = {"PROPRIETARYNAME": 300, **LENGTHS}
    too_long = [name for name, limit in limits.items() if len(values[name]) > limit]
    if too_long:
        raise Refused(f"{', '.join(too_long)}: longer than the portal keeps.")


def _ingredients(values: dict[str, str], names: list[str]) -> list[Ingredient]:
    amounts = _parts(values["ACTIVE_NUMERATOR_STRENGTH"])
    units = _parts(values["ACTIVE_INGRED_UNIT"])
    if not names or not all(names) or not values["DOSAGEFORMNAME"]:
        raise Refused("It names no substance or no dosage form, as kits do.")
    if not len(names) == len(amounts) == len(units):
        raise Refused(
            f"It has {len(names)} substances, {len(amounts)} strengths and "
            f"{len(units)} units."
        )
    ingredients = [
        terms.ingredient(*each) for each in zip(names, amounts, units, strict=True)
    ]
    ingredients.sort(key=lambda each: (not crosscheck.is_listed(each.name), each.name))
    ingredients = _merge_mixed_salts(ingredients)
    key = terms.key_for(ingredients, values["DOSAGEFORMNAME"])
    if (
        len(terms.strength(ingredients)) > STRENGTH_LENGTH
        or len("; ".join(names)) > SUBSTANCE_LENGTH
        or len(key) > KEY_LENGTH - 100
    ):
        raise Refused("Its substances and strengths are longer than a prescription.")
    return ingredients


def _merge_mixed_salts(ingredients: list[Ingredient]) -> list[Ingredient]:
    """Replace the four amphetamine salts by one ingredient with their sum."""
    first_words = [each.name.split()[0] for each in ingredients]
    units = {(each.unit, each.per) for each in ingredients}
    if first_words != MIXED_SALTS or len(units) > 1:
        return ingredients
    first = ingredients[0]
    total = sum((each.amount for each in ingredients), start=Decimal(0))
    return [
        Ingredient(
            "amphetamine mixed salts", total, first.unit, first.per, first.is_writable
        )
    ]


def _eleven_digits(code: str) -> str:
    try:
        return ndc_codes.eleven_digits(code)
    except ndc_codes.NotAnNdc as problem:
        raise Refused(str(problem)) from None


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(";")] if text else []


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y%m%d").date() if text else None  # noqa: DTZ007
    except ValueError:
        raise Refused(f"“{text[:20]}” is not a date.") from None
