"""What 21 CFR 1308 says of the substances of a product, beside what FDA was told.

FDA prints what the labeler reported and verifies nothing; the table that comes with
the portal is the second opinion, and the stricter of the two holds.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from prescriptions.drugs import formulary, schedules
from prescriptions.drugs.formulary import Substance
from prescriptions.drugs.ndc.terms import Form, Ingredient

WORD = re.compile(r"[a-z]+")
# What a name in the table says besides the substance.
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
    """One row of the table, and for which products it stands."""

    substance: Substance
    words: frozenset[str]
    is_alone: bool
    is_together: bool
    milligrams_a_unit: float | None
    milligrams_in_100_ml: float | None


def possible_schedules(ingredients: list[Ingredient], form: Form) -> list[set[str]]:
    """Return, for each listed substance of a product, the schedules it may be in."""
    is_alone = len(ingredients) == 1
    found = []
    for one in ingredients:
        listings = _listings_of(one.name)
        fitting = [it for it in listings if _fits(it, one, form, is_alone=is_alone)]
        fitting = fitting or _strictest(listings)
        found.append({listing.substance.schedule for listing in fitting})
    return [each for each in found if each]


def dea_facts(names: Iterable[str], schedule: str) -> tuple[str, bool]:
    """Return DEA code and narcotic flag of substances that stand in a schedule.

    What the table does not know counts as narcotic: fewer registrations cover that.
    """
    found = [one for name in names for one in _named(name)]
    codes = [one.dea_code for one in found if one.schedule == schedule]
    return next(iter(codes), ""), any(one.narcotic for one in found) or not found


def is_listed(name: str) -> bool:
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
    known = [one for one in _listings() if one.words and one.words <= words]
    if known:
        return known
    others = {ANOTHER_NAME[word] for word in words & ANOTHER_NAME.keys()}
    return [one for one in _listings() if one.substance.name in others]


def _named(name: str) -> Iterator[Substance]:
    if exact := formulary.substances().get(name):
        yield exact
    else:
        yield from (one.substance for one in _listings_of(name.lower()))


def _strictest(listings: list[Listing]) -> list[Listing]:
    """What exceeds every limit in the table is in the strictest of its schedules."""
    if not listings:
        return []
    strictest = schedules.strictest(one.substance.schedule for one in listings)
    return [one for one in listings if one.substance.schedule == strictest]


def _fits(listing: Listing, one: Ingredient, form: Form, *, is_alone: bool) -> bool:
    if listing.is_alone != is_alone and (listing.is_alone or listing.is_together):
        return False
    name = listing.substance.name
    if "oral solution" in name or "capsule" in name:
        return ("capsule" in name) == ("capsule" in form.name)
    return _within(listing, one)


def _within(listing: Listing, one: Ingredient) -> bool:
    """21 CFR 1308.13(e)(1), 1308.14(c), 1308.15(c): limits on a unit or on 100 mL."""
    if listing.milligrams_a_unit is None and listing.milligrams_in_100_ml is None:
        return True
    if one.unit not in IN_MG:
        return False
    milligrams = float(one.amount) * IN_MG[one.unit]
    volume = _millilitres(one.per)
    if volume and listing.milligrams_in_100_ml:
        return milligrams / volume * 100 <= listing.milligrams_in_100_ml
    return bool(listing.milligrams_a_unit and milligrams <= listing.milligrams_a_unit)


def _millilitres(per: str) -> float | None:
    count, _, unit = per.rpartition(" ")
    if unit not in {"mL", "g"}:
        return None
    return float(count or 1)
