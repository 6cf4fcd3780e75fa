"""Exports: bundles requested on a page and made in the background.

21 CFR 1311.305(c), (d): readily retrievable, and given to DEA on request.
"""

import hashlib
import logging
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django_tasks import task

from audit import chain
from audit.acts import Act, Outcome
from audit.reasons import Reason
from foundation.actors import User
from foundation.refusals import NotPermitted
from prescriptions import permissions, signer
from prescriptions.models import Export, ExportState
from prescriptions.permissions import Permission
from prescriptions.records.bundles import contents, writer
from prescriptions.records.bundles.contents import Scope
from providers import access_managers
from providers.models import Practice, Provider

logger = logging.getLogger(__name__)

FILE_LIFETIME = timedelta(days=7)  # the records stay
STRANDED_AFTER = timedelta(minutes=5)  # without progress: its worker was killed
STEP = 50  # prescriptions between two updates of the progress


class ExportRefused(NotPermitted):
    """These records are not theirs to export; the message says why."""


def scopes_for(user: User) -> list[tuple[Practice, Provider | None]]:
    """Return what a user may export: their own records, and those of whole practices.

    A scope is a practice, and one provider there or None for all of them.
    """
    own = Provider.objects.filter(user=user).first()
    practices = Practice.objects.visible_to(user) if own else []
    return [
        *((practice, own) for practice in practices),
        *((practice, None) for practice in access_managers.practices_of(user)),
    ]


def request(
    practice: Practice,
    *,
    provider: Provider | None,
    by: User,
    first_day: date | None = None,
    last_day: date | None = None,
) -> Export:
    """Request a bundle of a practice's or a provider's records; raise ExportRefused."""
    if not _may_export(practice, provider, by=by):
        chain.denied(by=by, of=practice, reason=Reason.EXPORT)
        raise ExportRefused("These records are not yours to export.")
    now = timezone.now()
    export = Export(
        practice=practice,
        provider=provider,
        first_day=first_day,
        last_day=last_day,
        requested_by=by,
        requested_at=now,
        moved_at=now,
    )
    _enqueue(export)
    return export


def _may_export(practice: Practice, provider: Provider | None, *, by: User) -> bool:
    if provider is None:
        return permissions.may(by, Permission.EXPORT_PRACTICE, of=practice)
    works_there = Practice.objects.visible_to(by).filter(pk=practice.pk)
    is_theirs = permissions.may(by, Permission.EXPORT_OWN, of=provider)
    return is_theirs and works_there.exists()


def _enqueue(export: Export) -> None:
    """Save a new request, record it and have it made after the commit."""
    with transaction.atomic(durable=True):
        export.save(force_insert=True)
        chain.record(
            Act.EXPORT_REQUESTED,
            by=export.requested_by,
            of=export,
            practice=str(export.practice.public_id),
            kind="own" if export.provider else "practice",
        )
        transaction.on_commit(partial(make.enqueue, export.pk), robust=True)


def path_of(export: Export) -> Path:
    """Return where the file of an export is, or will be."""
    return Path(settings.VAR_DIR) / "exports" / f"{export.public_id}.zip"


@task()
def make(export_pk: int) -> str:
    """Make the bundle of an export, if nobody else does. Safe to run twice."""
    if not _claim(export_pk):
        return "nothing to do"
    export = Export.objects.select_related("practice", "provider", "requested_by").get(
        pk=export_pk
    )
    try:
        _write(export)
    except (writer.NotWritten, signer.SignerUnavailable, OSError) as problem:
        logger.exception("An export could not be made.")
        _fail(export, str(problem))
    return Export.objects.get(pk=export_pk).state


def record_download(export: Export, *, by: User) -> None:
    """Record that the file was downloaded."""
    with transaction.atomic(durable=True):
        Export.objects.filter(pk=export.pk, downloaded_at=None).update(
            downloaded_at=timezone.now()
        )
        chain.record(Act.EXPORT_DOWNLOADED, by=by, of=export, digest=export.digest)


def sweep() -> None:
    """Enqueue exports that a killed worker left, and remove expired files."""
    now = timezone.now()
    under_way = [ExportState.WAITING, ExportState.RUNNING]
    stranded = Export.objects.filter(
        state__in=under_way, moved_at__lt=now - STRANDED_AFTER
    )
    for export in stranded:
        make.enqueue(export.pk)
    expired = Export.objects.filter(
        state=ExportState.DONE, moved_at__lt=now - FILE_LIFETIME
    )
    for export in expired:
        _remove(export)


def _claim(export_pk: int) -> bool:
    """Claim an export that waits, or whose worker was killed; False if there is none."""
    now = timezone.now()
    stranded = Q(state=ExportState.RUNNING, moved_at__lt=now - STRANDED_AFTER)
    free = Export.objects.filter(Q(state=ExportState.WAITING) | stranded, pk=export_pk)
    return bool(free.update(state=ExportState.RUNNING, moved_at=now, done=0))


def _write(export: Export) -> None:
    """Write the file of a claimed export, noting the progress in its row."""
    scope = _scope_of(export)
    claimed = Export.objects.filter(pk=export.pk, state=ExportState.RUNNING)
    claimed.update(total=contents.count(scope))

    def progress(done: int) -> None:
        if done % STEP == 0:
            claimed.update(done=done, moved_at=timezone.now())

    path = path_of(export)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # left by a worker that was killed
    written = writer.write(path, scope=scope, progress=progress)
    _complete(export, path, written)


def _scope_of(export: Export) -> Scope:
    return Scope(
        practice=export.practice,
        provider=export.provider,
        first_day=export.first_day,
        last_day=export.last_day,
    )


def _complete(export: Export, path: Path, written: writer.Written) -> None:
    digest = _digest_of(path)
    with transaction.atomic(durable=True):
        Export.objects.filter(pk=export.pk, state=ExportState.RUNNING).update(
            state=ExportState.DONE,
            done=written.prescriptions,
            total=written.prescriptions,
            size=path.stat().st_size,
            digest=digest,
            moved_at=timezone.now(),
        )
        chain.record(
            Act.EXPORT_MADE,
            by=export.requested_by,
            of=export,
            digest=written.manifest_digest,
            prescriptions=written.prescriptions,
        )


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fail(export: Export, problem: str) -> None:
    with transaction.atomic(durable=True):
        Export.objects.filter(pk=export.pk, state=ExportState.RUNNING).update(
            state=ExportState.FAILED, moved_at=timezone.now()
        )
        chain.record(
            Act.EXPORT_FAILED,
            by=export.requested_by,
            of=export,
            outcome=Outcome.FAILURE,
            problem=problem,
        )


def _remove(export: Export) -> None:
    path_of(export).unlink(missing_ok=True)
    with transaction.atomic(durable=True):
        done = Export.objects.filter(pk=export.pk, state=ExportState.DONE)
        if done.update(state=ExportState.REMOVED, moved_at=timezone.now()):
            chain.record(Act.EXPORT_REMOVED, by=None, of=export)
