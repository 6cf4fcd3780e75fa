"""FDA's terms for strengths and dosage forms, as a prescription writes them."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from prescriptions.drugs.formulary import UNIT_CODES
from prescriptions.drugs.ndc.files import Refused
from prescriptions.models import plain

UNIT = re.compile(
    r"\A(?P<unit>[^/\s]{1,20})/(?P<per>\d{0,6}(?:\.\d{1,6})?)(?P<measure>[A-Za-z]*)\Z",
    re.ASCII,
)
NUMBER = re.compile(r"\A(\d{1,9})?(\.\d{1,9})?\Z", re.ASCII)
AMOUNTS = {"mg": "mg", "g": "g", "ug": "mcg", "mcg": "mcg", "meq": "mEq"}
PER = {"": "", "mL": "mL", "L": "L", "g": "g", "h": "hour"}

# Words for tablets and capsules that make no difference to the patient.
INERT = {
    "COATED",
    "FILM COATED",
    "SUGAR COATED",
    "GELATIN COATED",
    "LIQUID FILLED",
    "COATED PELLETS",
    "MULTILAYER",
}
RELEASE = {
    "EXTENDED RELEASE": "extended-release",
    "DELAYED RELEASE": "delayed-release",
    "ORALLY DISINTEGRATING": "orally disintegrating",
    "CHEWABLE": "chewable",
    "EFFERVESCENT": "effervescent",
    "SOLUBLE": "soluble",
}
SOLID = {"TABLET": "tablet", "CAPSULE": "capsule"}
PLACES = {"SUBLINGUAL": "sublingual", "BUCCAL": "buccal", "VAGINAL": "vaginal"}
# (how FDA's form begins, a route or any): form and unit
OTHERS = {
    ("SOLUTION", "ORAL"): ("oral solution", "mL"),
    ("SOLUTION, CONCENTRATE", "ORAL"): ("concentrated oral solution", "mL"),
    ("SUSPENSION", "ORAL"): ("oral suspension", "mL"),
    ("SUSPENSION, EXTENDED RELEASE", "ORAL"): (
        "extended-release oral suspension",
        "mL",
    ),
    ("SYRUP", "ORAL"): ("oral syrup", "mL"),
    ("ELIXIR", "ORAL"): ("oral elixir", "mL"),
    ("LIQUID", "ORAL"): ("oral liquid", "mL"),
    ("INJECTION", ""): ("injection", "mL"),
    ("INJECTION, SOLUTION", ""): ("injection", "mL"),
    ("INJECTION, SUSPENSION", ""): ("injection suspension", "mL"),
    ("INJECTION, EMULSION", ""): ("injection emulsion", "mL"),
    ("SPRAY", "NASAL"): ("nasal spray", "mL"),
    ("SPRAY, METERED", "NASAL"): ("nasal spray", "mL"),
    ("SOLUTION", "NASAL"): ("nasal solution", "mL"),
    ("GEL", "TOPICAL"): ("topical gel", "g"),
    ("GEL", "TRANSDERMAL"): ("topical gel", "g"),
    ("GEL, METERED", "TRANSDERMAL"): ("topical gel", "g"),
    ("GEL, METERED", "TOPICAL"): ("topical gel", "g"),
    ("CREAM", "TOPICAL"): ("topical cream", "g"),
    ("PATCH", "TRANSDERMAL"): ("transdermal patch", "patch"),
    ("PATCH, EXTENDED RELEASE", "TRANSDERMAL"): ("transdermal patch", "patch"),
    ("FILM", "SUBLINGUAL"): ("sublingual film", "film"),
    ("FILM, SOLUBLE", "SUBLINGUAL"): ("sublingual film", "film"),
    ("FILM", "BUCCAL"): ("buccal film", "film"),
    ("FILM, SOLUBLE", "BUCCAL"): ("buccal film", "film"),
}


@dataclass(frozen=True)
class Ingredient:
    """One substance of a product and how much of it."""

    name: str  # in lower case
    amount: Decimal
    unit: str  # mg
    per: str  # 5 mL, hour; nothing for a tablet
    is_writable: bool = True  # its unit may be written on a prescription

    @property
    def quantity(self) -> str:
        return f"{plain(self.amount)} {self.unit}"


@dataclass(frozen=True)
class Form:
    name: str
    unit: str  # nothing if the portal cannot count it

    @property
    def unit_code(self) -> str:
        return UNIT_CODES.get(self.unit, "")


def ingredient(name: str, amount: str, unit: str) -> Ingredient:
    """Return a substance with its strength; raise Refused."""
    number = _number(amount)
    match = UNIT.match(unit)
    if not match or match["unit"] not in AMOUNTS or match["measure"] not in PER:
        return Ingredient(name.lower(), number, unit[:30], "", is_writable=False)
    if match["per"] and not Decimal(match["per"]):
        raise Refused(f"“{unit[:30]}” is an amount in nothing.")
    return Ingredient(
        name.lower(),
        number,
        AMOUNTS[match["unit"]],
        _per(match["per"], match["measure"]),
    )


def strength(ingredients: list[Ingredient]) -> str:
    """Return the strength as on a prescription: 5 mg-325 mg, 10 mg/5 mL."""
    if len({ingredient.per for ingredient in ingredients}) > 1:
        return "-".join(_amount(ingredient) for ingredient in ingredients)
    per = f"/{ingredients[0].per}" if ingredients[0].per else ""
    return "-".join(ingredient.quantity for ingredient in ingredients) + per


def form(name: str, routes: str) -> Form:
    """Return the dosage form and the unit it is counted in."""
    base, *words = name.split(", ")
    places = [route.strip() for route in routes.split(";")]
    if base in SOLID and set(words) <= INERT | RELEASE.keys():
        before = [RELEASE[word] for word in words if word in RELEASE]
        before += [PLACES[place] for place in places[:1] if place in PLACES]
        return Form(" ".join([*before, SOLID[base]]), SOLID[base])
    for place in [*places, ""]:
        if match := OTHERS.get((name, place)):
            return Form(*match)
    where = f" ({routes.lower()})" if routes else ""
    return Form(f"{name.lower()}{where}"[:70], "")


def label(ingredients: list[Ingredient]) -> str:
    """Return the name of a product by its substances."""
    *first, last = [ingredient.name for ingredient in ingredients]
    text = f"{', '.join(first)} and {last}" if first else last
    return text[:1].upper() + text[1:]


def key(pairs: list[tuple[str, str]], form_name: str) -> str:
    """Return a key that every spelling of the same drug shares."""
    parts = sorted(f"{name.lower()} {amount}" for name, amount in pairs)
    return "|".join([*parts, form_name])


def key_of(label: str, strength: str, form_name: str) -> str | None:
    """Return the key of a description written by a person, or None if unclear."""
    names = re.split(r", | and ", label)
    amounts, slash, per = strength.partition("/")
    quantities = amounts.split("-")
    if len(names) != len(quantities):
        return None
    return key(
        [
            (name, f"{quantity}{slash}{per}")
            for name, quantity in zip(names, quantities, strict=True)
        ],
        form_name,
    )


def key_for(ingredients: list[Ingredient], form_name: str) -> str:
    """Return the key of a product by its ingredients."""
    return key([(each.name, _amount(each)) for each in ingredients], form_name)


def _amount(ingredient: Ingredient) -> str:
    quantity, per = ingredient.quantity, ingredient.per
    return f"{quantity}/{per}" if per else quantity


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text) if NUMBER.match(text) and text else Decimal(0)
    except InvalidOperation:
        number = Decimal(0)
    if not number:
        raise Refused(f"The strength “{text[:30]}” is not a number above 0.")
    return number


def _per(count: str, unit: str) -> str:
    number = Decimal(count) if count not in {"", "."} else Decimal(1)
    if unit == "":
        return "" if number == 1 else plain(number)
    if number == 1:
        return PER[unit]
    return f"{plain(number)} {PER[unit]}{'s' if unit == 'h' else ''}"
