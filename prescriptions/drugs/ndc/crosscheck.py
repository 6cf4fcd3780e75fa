"""The schedules that 21 CFR 1308 lists for the substances of a product.

FDA prints what the labeler reported and verifies nothing; the portal's own table is
the second opinion, and the stricter of the two applies.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from prescriptions.drugs import formulary, schedules
from prescriptions.drugs.formulary import Substance
from prescriptions.drugs.ndc.terms import Form, Ingredient

WORD = re.compile(r"[a-z]+")
# Qualifiers of a name in the table, beside the substance itself.
QUALIFIER = re.compile(
    r"\(.*|<=.*|combination .*|preparation .*|with .*|oral solution|in sesame oil.*"
    r"|powdered|tincture|mixed salts"
)
PER_UNIT = re.compile(r"<=([\d.]+) mg(?:/unit| with)")
PER_100_ML = re.compile(r"<=?(?:.* )?([\d.]+) (g|mg)/100 mL")
TOGETHER = ("combination", "preparation", "with")
IN_MG = {"g": 1000.0, "mg": 1.0, "mcg": 0.001}
ANOTHER_NAME = {"oxybate": "sodium oxybate (FDA-approved product)"}


@dataclass(frozen=True)
class Listing:
    """A row of the table and the products it applies to."""

    substance: Substance
    words: frozenset[str]
    is_alone: bool
    is_together: bool
    milligrams_a_unit: float | None
    milligrams_in_100_ml: float | None


def possible_schedules(ingredients: list[Ingredient], form: Form) -> list[set[str]]:
    """Return, for each listed substance of a product, the schedules it may be in."""
    is_alone = len(ingredients) == 1
    schedules_by_ingredient = [
        {listing.substance.schedule for listing in _fitting(each, form, is_alone)}
        for each in ingredients
    ]
    return [possible for possible in schedules_by_ingredient if possible]


def dea_facts(names: Iterable[str], schedule: str) -> tuple[str, bool]:
    """Return the DEA code and narcotic flag of substances in a schedule.

    A substance that the table does not list counts as narcotic, because fewer
    registrations cover narcotics.
    """
    listed = [substance for name in names for substance in _named(name)]
    codes = [each.dea_code for each in listed if each.schedule == schedule]
    return next(iter(codes), ""), not listed or any(each.narcotic for each in listed)


def is_listed(name: str) -> bool:
    """Return True if the table has this substance."""
    return bool(_listings_of(name.lower()))


@cache
def _listings() -> tuple[Listing, ...]:
    return tuple(map(_listing, formulary.substances().values()))


def _listing(substance: Substance) -> Listing:
    name = substance.name
    base = QUALIFIER.sub("", name)
    unit, volume = PER_UNIT.search(name), PER_100_ML.search(name)
    return Listing(
        substance=substance,
        words=frozenset() if "/" in base else frozenset(WORD.findall(base)),
        is_alone="single-entity" in name,
        is_together=any(f" {word} " in name for word in TOGETHER),
        milligrams_a_unit=float(unit[1]) if unit else None,
        milligrams_in_100_ml=float(volume[1]) * IN_MG[volume[2]] if volume else None,
    )


def _listings_of(name: str) -> list[Listing]:
    words = set(WORD.findall(name))
    listed = [each for each in _listings() if each.words and each.words <= words]
    if listed:
        return listed
    others = {ANOTHER_NAME[word] for word in words & ANOTHER_NAME.keys()}
    return [each for each in _listings() if each.substance.name in others]


def _named(name: str) -> Iterator[Substance]:
    if exact := formulary.substances().get(name):
        yield exact
    else:
        yield from (listing.substance for listing in _listings_of(name.lower()))


def _fitting(ingredient: Ingredient, form: Form, is_alone: bool) -> list[Listing]:
    """Return the listings whose limits the ingredient meets, or the strictest."""
    listings = _listings_of(ingredient.name)
    fitting = [
        each for each in listings if _fits(each, ingredient, form, is_alone=is_alone)
    ]
    return fitting or _strictest(listings)


def _strictest(listings: list[Listing]) -> list[Listing]:
    """Return the strictest listings: for products above every limit in the table."""
    if not listings:
        return []
    strictest = schedules.strictest(each.substance.schedule for each in listings)
    return [each for each in listings if each.substance.schedule == strictest]


def _fits(
    listing: Listing, ingredient: Ingredient, form: Form, *, is_alone: bool
) -> bool:
    if listing.is_alone != is_alone and (listing.is_alone or listing.is_together):
        return False
    name = listing.substance.name
    if "oral solution" in name or "capsule" in name:
        return ("capsule" in name) == ("capsule" in form.name)
    return _within(listing, ingredient)


def _within(listing: Listing, ingredient: Ingredient) -> bool:
    """Return True within the limits on a unit or on 100 mL.

    21 CFR 1308.13(e)(1), 1308.14(c), 1308.15(c).
    """
    if listing.milligrams_a_unit is None and listing.milligrams_in_100_ml is None:
        return True
    if ingredient.unit not in IN_MG:
        return False
    milligrams = float(ingredient.amount) * IN_MG[ingredient.unit]
    volume = _milliliters(ingredient.per)
    if volume and listing.milligrams_in_100_ml:
        return milligrams / volume * 100 <= listing.milligrams_in_100_ml
    return bool(listing.milligrams_a_unit and milligrams <= listing.milligrams_a_unit)


def _milliliters(per: str) -> float | None:
    count, _, unit = per.rpartition(" ")
    if unit not in {"mL", "g"}:
        return None
    return float(count or 1)
