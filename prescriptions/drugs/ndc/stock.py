"""Rows of product.txt become products and the drugs that prescribers order."""

from prescriptions.drugs.ndc import crosscheck, products, reviews, terms
from prescriptions.drugs.ndc.batches import Batch
from prescriptions.drugs.ndc.files import Refused, Row
from prescriptions.drugs.ndc.products import Product, Skipped
from prescriptions.models import Drug, DrugProduct, DrugSource

TWICE = "Its PRODUCTID is in this file already."
COPIED = [
    "product_ndc",
    "product_type",
    "proprietary_name",
    "labeler",
    "marketing_category",
    "marketed_from",
    "marketed_until",
    "schedule",
]


def import_rows(rows: list[Row], batch: Batch, *, rules: str) -> None:
    """Save the new and changed products in a chunk of product.txt."""
    parsed = _parse(rows, batch, rules=rules)
    stored = _stored(parsed)
    parsed = _without_repeats(parsed, stored, rows, batch)
    changed = [each for each in parsed if not _is_unchanged(each, stored)]
    unchanged = [
        stored[each.product_id].pk for each in parsed if _is_unchanged(each, stored)
    ]
    DrugProduct.objects.filter(pk__in=unchanged).update(seen_in=batch.run)
    batch.counts["products unchanged"] += len(unchanged)
    drugs = _drugs_of(changed)
    for product in changed:
        drug = drugs.get(product.key) or drugs.get(product.description)
        drug = _updated(drug or _new_drug(product), product, batch)
        drugs[product.key] = drug
        row = stored.get(product.product_id)
        _save(row or DrugProduct(product_id=product.product_id), drug, product, batch)
        batch.counts["products changed" if row else "products new"] += 1


def assign_keys() -> None:
    """Give formulary drugs the keys by which products match them."""
    taken = set(Drug.objects.exclude(key=None).values_list("key", flat=True))
    for drug in Drug.objects.filter(key=None, source=DrugSource.FORMULARY):
        label = drug.name.removesuffix(f" {drug.strength} {drug.form}")
        key = terms.key_of(label, drug.strength, drug.form)
        if key and key not in taken:
            Drug.objects.filter(pk=drug.pk).update(key=key)
            taken.add(key)


def _parse(rows: list[Row], batch: Batch, *, rules: str) -> list[Product]:
    parsed = []
    for row in rows:
        try:
            parsed.append(products.product(row, rules=rules))
        except Refused as reason:
            batch.refuse(row, reason)
        except Skipped as kind:
            batch.counts[str(kind)] += 1
    return parsed


def _stored(parsed: list[Product]) -> dict[str, DrugProduct]:
    ids = [product.product_id for product in parsed]
    return {
        row.product_id: row for row in DrugProduct.objects.filter(product_id__in=ids)
    }


def _without_repeats(
    parsed: list[Product], stored: dict[str, DrugProduct], rows: list[Row], batch: Batch
) -> list[Product]:
    by_line = {row.line: row for row in rows}
    seen = {key for key, row in stored.items() if row.seen_in_id == batch.run.pk}
    unique = []
    for product in parsed:
        if product.product_id in seen:
            batch.refuse(by_line[product.line], TWICE)
        else:
            unique.append(product)
        seen.add(product.product_id)
    return unique


def _is_unchanged(product: Product, stored: dict[str, DrugProduct]) -> bool:
    row = stored.get(product.product_id)
    return bool(row and row.row_digest == product.digest and row.retired_at is None)


def _drugs_of(parsed: list[Product]) -> dict[str, Drug]:
    """Return the existing drugs of products, by key and by description."""
    locked = Drug.objects.select_for_update(no_key=True).order_by("pk")
    by_name = {
        drug.name: drug
        for drug in locked.filter(name__in=[product.description for product in parsed])
    }
    by_key = {
        drug.key: drug
        for drug in locked.filter(key__in=[product.key for product in parsed])
    }
    return {**by_name, **{key: drug for key, drug in by_key.items() if key}}


def _new_drug(product: Product) -> Drug:
    dea_code, narcotic = crosscheck.dea_facts(product.names, product.schedule)
    undecided = "" if product.listed else reviews.UNDECIDED
    name = product.description
    if len(name) > products.NAME_LENGTH:
        name = f"{name[:90]}… ({product.digest[:10]})"
    return Drug.objects.create(
        source=DrugSource.NDC,
        key=product.key,
        name=name,
        substance="; ".join(product.names),
        strength=terms.strength(product.ingredients),
        form=product.form.name,
        schedule=product.schedule,
        dea_code=dea_code,
        narcotic=narcotic,
        unit=product.form.unit,
        unit_code=product.form.unit_code,
        unavailable=product.obstacle or undecided,
    )


def _updated(drug: Drug, product: Product, batch: Batch) -> Drug:
    before = (drug.schedule, drug.dea_code, drug.narcotic, drug.unavailable)
    batch.tasks += reviews.follow(drug, product, run=batch.run)
    if before != (drug.schedule, drug.dea_code, drug.narcotic, drug.unavailable):
        drug.save()
        batch.altered[drug.pk] = drug
    return drug


def _save(row: DrugProduct, drug: Drug, product: Product, batch: Batch) -> None:
    for name in COPIED:
        setattr(row, name, getattr(product, name))
    row.drug = drug
    row.reported_schedule = product.reported
    row.row_digest = product.digest
    row.seen_in = batch.run
    row.retired_at = None
    row.save()
