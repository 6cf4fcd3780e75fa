"""Retire what left the directory, never delete it; drugs are updated after it."""

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from prescriptions.drugs import search
from prescriptions.drugs.ndc import reviews
from prescriptions.drugs.ndc.batches import Batch
from prescriptions.models import (
    Drug,
    DrugPackage,
    DrugProduct,
    DrugSource,
    ImportRun,
)

FEW = 20  # products; with fewer, most may be missing
BRANDS_LENGTH = 200


def lacks_most_products(run: ImportRun) -> bool:
    """Return True if an edition lacks most products, as a truncated file would."""
    current = DrugProduct.objects.filter(retired_at=None)
    # With a new label a product changes its PRODUCTID but not its NDC.
    seen = DrugProduct.objects.filter(product_ndc=OuterRef("product_ndc"), seen_in=run)
    count = current.count()
    return count > FEW and current.exclude(Exists(seen)).count() * 2 > count


def retire(batch: Batch) -> None:
    """Retire the products and packages that this edition does not have."""
    is_missing, now = Q(retired_at=None) & ~Q(seen_in=batch.run), timezone.now()
    products = DrugProduct.objects.filter(is_missing)
    packages = DrugPackage.objects.filter(is_missing)
    batch.counts["products retired"] += products.update(retired_at=now)
    batch.counts["packages retired"] += packages.update(retired_at=now)


def refresh(drugs: list[Drug], batch: Batch) -> None:
    """Update NDC, brands, availability and search words of drugs."""
    brands, codes = _brands(drugs), _codes(drugs)
    for drug in drugs:
        before = (drug.ndc, drug.brands, drug.unavailable)
        drug.ndc = representative(drug, codes[drug.pk])
        drug.brands = _join_brands(brands[drug.pk])
        if drug.unavailable in {"", reviews.VANISHED}:
            is_gone = drug.source == DrugSource.NDC and not brands[drug.pk]
            drug.unavailable = reviews.VANISHED if is_gone else ""
        if before != (drug.ndc, drug.brands, drug.unavailable):
            drug.save()
        if before[0] != drug.ndc:
            batch.altered[drug.pk] = drug
        is_new = drug.unavailable == reviews.VANISHED != before[2]
        batch.counts["drugs retired"] += int(is_new)
    search.index(drugs)


def representative(drug: Drug, packages: dict[str, tuple[bool, bool]]) -> str:
    """Return the representative NDC of a drug: its current one while that is sold."""
    sold = {ndc for ndc, (is_sold, _) in packages.items() if is_sold}
    if drug.ndc in sold or (drug.ndc and drug.ndc not in packages and not sold):
        return drug.ndc
    return min(sold, key=lambda ndc: (packages[ndc][1], ndc), default="")


def _brands(drugs: Iterable[Drug]) -> defaultdict[int, set[str]]:
    brands: defaultdict[int, set[str]] = defaultdict(set)
    rows = DrugProduct.objects.filter(drug__in=drugs, retired_at=None)
    for pk, name in rows.values_list("drug", "proprietary_name").distinct():
        brands[pk].add(name)
    return brands


def _codes(drugs: Iterable[Drug]) -> defaultdict[int, dict[str, tuple[bool, bool]]]:
    """Return per drug its NDCs, each with (is sold, is a sample)."""
    codes: defaultdict[int, dict[str, tuple[bool, bool]]] = defaultdict(dict)
    rows = DrugPackage.objects.filter(product__drug__in=drugs).order_by("ndc", "pk")
    for pk, ndc, retired_at, is_sample in rows.values_list(
        "product__drug", "ndc", "retired_at", "is_sample"
    ):
        was_sold, was_sample = codes[pk].get(ndc, (False, True))
        is_sold = retired_at is None
        codes[pk][ndc] = (was_sold or is_sold, was_sample and is_sample)
    return codes


def _join_brands(names: set[str]) -> str:
    """Return as many brand names as fit, ignoring differences in case."""
    spelled = {name.casefold(): name for name in sorted(names) if name}
    text = ""
    for name in spelled.values():
        longer = f"{text}, {name}" if text else name
        if len(longer) <= BRANDS_LENGTH:
            text = longer
    return text
