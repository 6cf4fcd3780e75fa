import json
from pathlib import Path
from typing import Any, Unpack

from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from audit import chain, checkpoints, seals
from audit.acts import Act, Outcome
from audit.catalog import Detail
from audit.models import Checkpoint
from audit.verification import RecordBroken, verify


class Command(BaseCommand):
    help = "Walk the whole record; name the first row that is not as it was written."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--checkpoint",
            type=Path,
            metavar="FILE",
            help="a checkpoint that checkpoint_audit wrote, kept elsewhere since",
        )

    def handle(self, *args: Any, **options: Any) -> str:
        path = options["checkpoint"]
        try:
            report = verify(external=_read(path) if path else None)
        except RecordBroken as broken:
            self._record(Outcome.FAILURE, problem=str(broken))
            raise CommandError(f"The record is broken at {broken}") from None
        except seals.UNREADABLE as error:
            raise CommandError(f"The record cannot be read: {error}") from None
        self._record(Outcome.SUCCESS, events=report.events, streams=report.streams)
        if report.clock_steps:
            self.stderr.write(
                f"The clock went back before {report.clock_steps} of the events."
            )
        return (
            f"The record is whole: {report.events} events in {report.streams} chains, "
            f"{report.checkpoints} checkpoints."
        )

    def _record(self, outcome: Outcome, **detail: Unpack[Detail]) -> None:
        try:
            chain.record(Act.AUDIT_VERIFIED, by=None, outcome=outcome, **detail)
        except DatabaseError as error:
            # Its own chain may be the broken one, or the auditor may only read.
            self.stderr.write(f"This check could not be recorded: {error}")


def _read(path: Path) -> Checkpoint:
    try:
        return checkpoints.from_fields(json.loads(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise CommandError(f"{path}: {error}") from None
