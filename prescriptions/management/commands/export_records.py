from datetime import date
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit import chain
from audit.acts import Act, Outcome
from prescriptions import signer
from prescriptions.records.bundles import contents, writer
from prescriptions.records.bundles.contents import Scope
from providers.models import Practice

STEP = 100  # prescriptions between two lines of progress


class Command(BaseCommand):
    help = (
        "Write signed prescriptions, signatures, keys and events to a new folder, or"
        " to a new .zip file, with a program that verifies them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--output", required=True, type=Path)
        parser.add_argument("--practice", help="id of one practice; all without it")
        parser.add_argument("--from", dest="first", type=date.fromisoformat)
        parser.add_argument("--to", dest="last", type=date.fromisoformat)

    def handle(self, *args: Any, **options: Any) -> None:
        scope = Scope(
            practice=self._practice(options["practice"]),
            first_day=options["first"],
            last_day=options["last"],
        )
        self.total = contents.count(scope)
        written = self._write(options["output"].absolute(), scope)
        chain.record(
            Act.EXPORT_MADE,
            by=None,
            of=scope.practice,
            digest=written.manifest_digest,
            prescriptions=written.prescriptions,
        )
        self.stdout.write(
            f"{written.prescriptions} prescriptions are in {options['output']}."
        )

    def _write(self, path: Path, scope: Scope) -> writer.Written:
        try:
            return writer.write(path, scope=scope, progress=self._show)
        except (writer.NotWritten, signer.SignerUnavailable, OSError) as problem:
            chain.record(
                Act.EXPORT_FAILED,
                by=None,
                outcome=Outcome.FAILURE,
                problem=str(problem),
            )
            raise CommandError(str(problem)) from None

    def _show(self, done: int) -> None:
        if done % STEP == 0 or done == self.total:
            self.stderr.write(f"{done} of {self.total}")

    def _practice(self, public_id: str | None) -> Practice | None:
        if not public_id:
            return None
        try:
            return Practice.objects.get(public_id=public_id)
        except (Practice.DoesNotExist, ValidationError):
            known = ", ".join(
                f"{practice.public_id} ({practice})"
                for practice in Practice.objects.all()
            )
            raise CommandError(f"No practice has this id. Known: {known}.") from None
