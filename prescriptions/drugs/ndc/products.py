"""What a row of product.txt and of package.txt says; refused where it says nothing."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime

from prescriptions import formats
from prescriptions.drugs import formulary, ndc_codes, schedules
from prescriptions.drugs.ndc import crosscheck, terms
from prescriptions.drugs.ndc.files import Refused, Row
from prescriptions.drugs.ndc.terms import Form, Ingredient
from providers.models import Schedule

EDITION = "1"  # raise it when the same row comes to mean something else
PRESCRIPTION, OVER_THE_COUNTER = "HUMAN PRESCRIPTION DRUG", "HUMAN OTC DRUG"
SCHEDULES = {f"C{one}": one.value for one in Schedule} | {"": ""}
EXEMPTED = "Some such products are exempted (21 CFR 1308.32)."
# Whoever writes amphetamine mixed salts means the sum of the four.
MIXED_SALTS = ["amphetamine", "amphetamine", "dextroamphetamine", "dextroamphetamine"]
LENGTHS = {"LABELERNAME": 200, "MARKETINGCATEGORYNAME": 100}
NAME_LENGTH, KEY_LENGTH, STRENGTH_LENGTH = 105, 400, 70  # SCRIPT's, and the column's


class Skipped(Exception):
    """A row of the directory that is none of the portal's business, and which kind."""


@dataclass(frozen=True)
class Product:
    """A row that is taken over."""

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
    reported: str  # II to V, or nothing: not controlled, says the labeler
    listed: str  # the strictest that 21 CFR 1308 has for its substances, or nothing
    schedule: str  # which of the two holds
    is_agreed: bool
    digest: str

    @property
    def names(self) -> list[str]:
        return [one.name for one in self.ingredients]

    @property
    def description(self) -> str:
        strength = terms.strength(self.ingredients)
        return f"{terms.label(self.ingredients)} {strength} {self.form.name}"

    @property
    def key(self) -> str:
        return terms.key_for(self.ingredients, self.form.name)

    @property
    def obstacle(self) -> str:
        """Return why this cannot be written on a prescription, or nothing."""
        if not all(one.is_writable for one in self.ingredients):
            return "Its strength is in a unit that a prescription does not use."
        if not self.form.unit:
            return "Its dosage form is counted in no unit that SCRIPT has a code for."
        if len(self.description) > NAME_LENGTH:
            return f"Its description is longer than {NAME_LENGTH} characters."
        return ""


@dataclass(frozen=True)
class Package:
    """A package that is taken over."""

    line: int
    product_id: str
    ndc: str
    as_written: str
    description: str
    is_sample: bool


def rules_digest() -> str:
    """Return what stands for the rules: with others, every row is looked at again."""
    table = (formulary.DATA / "schedules.csv").read_bytes()
    return hashlib.sha256(EDITION.encode() + table).hexdigest()


def product(row: Row, *, rules: str) -> Product:
    """Return what a row of product.txt says; raise Refused or Skipped."""
    values = row.values()
    reported = _reported(values)
    names = _parts(values["SUBSTANCENAME"])
    if not reported and not any(map(crosscheck.is_listed, names)):
        raise Skipped("not controlled")
    _check(values)
    ingredients = _ingredients(values, names)
    form = terms.form(values["DOSAGEFORMNAME"], values["ROUTENAME"])
    acceptable = crosscheck.possible_schedules(ingredients, form)
    schedule, is_agreed = schedules.ruling(reported, acceptable)
    if schedule is None:
        raise Skipped("not controlled")
    listed = [one for each in acceptable for one in each]
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
        listed=schedules.strictest(listed).value if listed else "",
        schedule=schedule.value,
        is_agreed=is_agreed,
        digest=hashlib.sha256(f"{rules}{row.text}".encode()).hexdigest(),
    )


def package(row: Row) -> Package:
    """Return what a row of package.txt says; raise Refused or Skipped."""
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
    if long := [name for name, most in limits.items() if len(values[name]) > most]:
        raise Refused(f"{', '.join(long)}: longer than the portal keeps.")


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
    found = [
        terms.ingredient(*each) for each in zip(names, amounts, units, strict=True)
    ]
    found.sort(key=lambda one: (not crosscheck.is_listed(one.name), one.name))
    found = _one_of_mixed_salts(found)
    strength = terms.strength(found)
    if (
        len(strength) > STRENGTH_LENGTH
        or len("; ".join(names)) > 255
        or len(terms.key_for(found, values["DOSAGEFORMNAME"])) > KEY_LENGTH - 100
    ):
        raise Refused("Its substances and strengths are longer than a prescription.")
    return found


def _one_of_mixed_salts(found: list[Ingredient]) -> list[Ingredient]:
    first_words = [one.name.split()[0] for one in found]
    if first_words != MIXED_SALTS or len({(one.unit, one.per) for one in found}) > 1:
        return found
    first = found[0]
    total = sum((one.amount for one in found), start=type(first.amount)(0))
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
