"""Rows of package.txt become the packages of imported products."""

from prescriptions.drugs.ndc import products
from prescriptions.drugs.ndc.batches import Batch
from prescriptions.drugs.ndc.files import Refused, Row
from prescriptions.drugs.ndc.products import Package, Skipped
from prescriptions.models import DrugPackage, DrugProduct, ImportRun

UPDATED = ["as_written", "description", "is_sample", "seen_in", "retired_at"]
TWICE = "This package is in this file already."


def import_rows(rows: list[Row], batch: Batch) -> None:
    """Save the packages in a chunk of package.txt."""
    product_ids = {row.first for row in rows}
    imported = DrugProduct.objects.filter(product_id__in=product_ids, seen_in=batch.run)
    owners = {product.product_id: product for product in imported}
    known = [row for row in rows if row.first in owners]
    batch.counts["packages of other products"] += len(rows) - len(known)
    _save(_parse(known, batch), owners, batch)


def _parse(rows: list[Row], batch: Batch) -> dict[Row, Package]:
    parsed = {}
    for row in rows:
        try:
            parsed[row] = products.package(row)
        except Refused as reason:
            batch.refuse(row, reason)
        except Skipped as kind:
            batch.counts[f"packages {kind}"] += 1
    return parsed


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
        _update(row, package, run=batch.run)
        (known if row.pk else new).append(row)
    DrugPackage.objects.bulk_create(new)
    DrugPackage.objects.bulk_update(known, UPDATED)
    batch.counts["packages"] += len(new) + len(known)


def _update(row: DrugPackage, package: Package, *, run: ImportRun) -> None:
    row.as_written = package.as_written
    row.description, row.is_sample = package.description, package.is_sample
    row.seen_in, row.retired_at = run, None
