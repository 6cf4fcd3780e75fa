"""Import an edition of the NDC directory in batches.

Each batch is a transaction that records the position of the run, so that a killed run
resumes and nothing is done twice.
"""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from audit import chain
from audit.acts import Act
from prescriptions.drugs.ndc import packages, products, retirement, stock
from prescriptions.drugs.ndc.batches import Batch
from prescriptions.drugs.ndc.files import PACKAGES, PRODUCTS, Directory, NotReadable
from prescriptions.models import (
    Drug,
    DrugProduct,
    DrugSource,
    ImportRun,
    RunState,
    Stage,
)

ROWS_A_BATCH = 500
DRUGS_A_BATCH = 100
HEADER = 1  # line

Progress = Callable[[ImportRun], object]


class ImportStopped(Exception):
    """An import stopped; the message says what to do."""


class AnotherImportRuns(Exception):
    """Another process is running this import or has started another one."""

    def __str__(self) -> str:
        return "Another process is importing. Leave it to that one."


def run(
    path: Path, *, may_retire_most: bool = False, progress: Progress = lambda run: None
) -> ImportRun:
    """Import an edition, or resume its import, and return the run.

    Raise NotReadable, ImportStopped or AnotherImportRuns.
    """
    directory = Directory(path)
    digest, lines = directory.examine()
    rules = products.rules_digest()
    current = _start(directory.name, digest=f"{rules[:16]}-{digest[:40]}", lines=lines)
    if current.state == RunState.FINISHED:
        return current
    stock.assign_keys()
    steps = {
        Stage.PRODUCTS: lambda: _read(current, directory, PRODUCTS, rules),
        Stage.PACKAGES: lambda: _read(current, directory, PACKAGES, rules),
        Stage.RETIRING: lambda: _retire(
            current, directory, digest=digest, may_retire_most=may_retire_most
        ),
        Stage.DRUGS: lambda: _refresh_drugs(current),
    }
    try:
        while current.stage != Stage.DONE:
            for _ in steps[Stage(current.stage)]():
                progress(current)
    except (NotReadable, ImportStopped) as problem:
        _fail(current, str(problem))
        raise
    return current


def _start(source: str, *, digest: str, lines: int) -> ImportRun:
    try:
        return _create_or_resume(source, digest=digest, lines=lines)
    except IntegrityError:  # a constraint allows one run at a time
        raise AnotherImportRuns from None


def _create_or_resume(source: str, *, digest: str, lines: int) -> ImportRun:
    with transaction.atomic(durable=True):
        newest = ImportRun.objects.select_for_update(no_key=True).first()
        if newest and newest.digest == digest:
            if newest.state in {RunState.RUNNING, RunState.FINISHED}:
                return newest
        elif newest and newest.state == RunState.RUNNING:
            newest.state = RunState.SUPERSEDED
            newest.problem = f"Given up for {source[:200]}."
            newest.save()
        return ImportRun.objects.create(
            source=source[:255],
            digest=digest,
            lines=lines,
            stage=Stage.PRODUCTS,
            position=HEADER,
        )


def _read(
    current: ImportRun, directory: Directory, file: str, rules: str
) -> Iterator[None]:
    """Import one file, batch by batch, from the position of the run."""
    rows = directory.rows(file, after=current.position)
    while chunk := list(itertools.islice(rows, ROWS_A_BATCH)):
        with transaction.atomic(durable=True):
            _claim(current, position=chunk[-1].line)
            batch = Batch(run=current)
            batch.counts[f"{file} rows"] += len(chunk)
            if file == PRODUCTS:
                stock.import_rows(chunk, batch, rules=rules)
            else:
                packages.import_rows(chunk, batch)
            batch.save()
        yield
    following = {PRODUCTS: Stage.PACKAGES, PACKAGES: Stage.RETIRING}[file]
    with transaction.atomic(durable=True):
        _claim(current, stage=following, position=HEADER)
    yield


def _retire(
    current: ImportRun, directory: Directory, *, digest: str, may_retire_most: bool
) -> Iterator[None]:
    """Retire what this edition no longer has; it must be the edition that was read."""
    if directory.examine()[0] != digest:
        raise ImportStopped("The directory changed while it was read. Import it again.")
    with transaction.atomic(durable=True):
        _claim(current, stage=Stage.DRUGS, position=0)
        batch = Batch(run=current)
        if retirement.lacks_most_products(current) and not may_retire_most:
            raise ImportStopped(
                "More than half of the products are missing in this edition. If that "
                "is right, run the import with --may-retire-most."
            )
        retirement.retire(batch)
        batch.save()
    yield


def _refresh_drugs(current: ImportRun) -> Iterator[None]:
    """Update NDC, brand names and search words of drugs, or retire them."""
    directory_drugs = Drug.objects.filter(_is_from_directory()).order_by("pk")
    while drugs := list(
        directory_drugs.filter(pk__gt=current.position)[:DRUGS_A_BATCH]
    ):
        with transaction.atomic(durable=True):
            _claim(current, position=drugs[-1].pk)
            batch = Batch(run=current)
            retirement.refresh(drugs, batch)
            batch.save()
        yield
    _finish(current)
    yield


def _finish(current: ImportRun) -> None:
    with transaction.atomic(durable=True):
        now = timezone.now()
        _claim(current, stage=Stage.DONE, state=RunState.FINISHED, finished_at=now)
        chain.record(
            Act.DRUG_DATA_IMPORTED,
            by=None,
            of=current,
            source=current.source,
            digest=current.digest,
            events=current.counts.get("reviews opened", 0),
        )


def _is_from_directory() -> Q:
    sold = Exists(DrugProduct.objects.filter(drug=OuterRef("pk")))
    return Q(source=DrugSource.NDC) | Q(sold)


def _fail(current: ImportRun, problem: str) -> None:
    ImportRun.objects.filter(pk=current.pk, state=RunState.RUNNING).update(
        state=RunState.FAILED, problem=problem[:300], updated_at=timezone.now()
    )


def _claim(current: ImportRun, **values: Any) -> None:
    """Advance the run; raise AnotherImportRuns if another process has done so."""
    advanced = ImportRun.objects.filter(
        pk=current.pk,
        state=RunState.RUNNING,
        stage=current.stage,
        position=current.position,
    ).update(updated_at=timezone.now(), **values)
    if not advanced:
        raise AnotherImportRuns
    for name, value in values.items():
        setattr(current, name, value)
