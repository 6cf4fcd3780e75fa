"""Rows of package.txt become the packages of imported products."""

from prescriptions.drugs.ndc import products
from prescriptions.drugs.ndc.batches import Batch
from prescriptions.drugs.ndc.files import Refused, Row
from prescriptions.drugs.ndc.products import Package, Skipped
from prescriptions.models import DrugPackage, DrugProduct

TWICE = "This package is in this file already."


def import_rows(rows: list[Row], batch: Batch) -> None:
    """Save the packages in a chunk of package.txt."""
    product_ids = {row.first for row in rows}
    owners = {
        product.product_id: product
        for product in DrugProduct.objects.filter(
            product_id__in=product_ids, seen_in=batch.run
        )
    }
    parsed = {}
    for row in rows:
        if row.first not in owners:
            batch.counts["packages of other products"] += 1
            continue
        try:
            parsed[row] = products.package(row)
        except Refused as reason:
            batch.refuse(row, reason)
        except Skipped as kind:
            batch.counts[f"packages {kind}"] += 1
    _save(parsed, owners, batch)


def _save(
    parsed: dict[Row, Package], owners: dict[str, DrugProduct], batch: Batch
) -> None:
    stored = {
        (row.product_id, row.ndc): row
        for row in DrugPackage.objects.filter(product__in=owners.values())
    }
    seen = {key for key, row in stored.items() if row.seen_in_id == batch.run.pk}
    new: list[DrugPackage] = []
    known: list[DrugPackage] = []
    for line, package in parsed.items():
        key = (owners[package.product_id].pk, package.ndc)
        if key in seen:
            batch.refuse(line, TWICE)
            continue
        seen.add(key)
        row = stored.get(key) or DrugPackage(product_id=key[0], ndc=package.ndc)
        row.as_written = package.as_written
        row.description, row.is_sample = package.description, package.is_sample
        row.seen_in, row.retired_at = batch.run, None
        (known if row.pk else new).append(row)
    DrugPackage.objects.bulk_create(new)
    fields = ["as_written", "description", "is_sample", "seen_in", "retired_at"]
    DrugPackage.objects.bulk_update(known, fields)
    batch.counts["packages"] += len(new) + len(known)
