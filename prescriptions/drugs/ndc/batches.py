"""The results of one batch of an import, saved with the position of its run."""

from collections import Counter
from dataclasses import dataclass, field

from audit import chain
from audit.acts import Act
from audit.reasons import Words
from prescriptions.drugs.ndc import reviews
from prescriptions.drugs.ndc.files import Row
from prescriptions.models import Drug, ImportRun, RefusedRow, ReviewTask


@dataclass
class Batch:
    """The rows, counts and review tasks that a batch adds to its run."""

    run: ImportRun
    counts: Counter[str] = field(default_factory=Counter)
    refused: list[RefusedRow] = field(default_factory=list)
    tasks: list[ReviewTask] = field(default_factory=list)
    altered: dict[int, Drug] = field(default_factory=dict)  # no longer as reviewed

    def refuse(self, row: Row, reason: object) -> None:
        """Count and note a row that is not imported."""
        self.counts["rows refused"] += 1
        self.refused.append(
            RefusedRow(
                run=self.run,
                file=row.file,
                line=row.line,
                product=_printable(row.text.partition("\t")[0])[:64],
                reason=str(reason)[:300],
            )
        )

    def save(self) -> None:
        """Save the results; the events come last in the caller's transaction."""
        RefusedRow.objects.bulk_create(self.refused)
        self.counts["reviews opened"] += len(self.tasks)
        unready = (
            reviews.unmark_prescriptions(self.altered.values()) if self.altered else 0
        )
        self.counts["prescriptions made drafts again"] += unready
        total = Counter(self.run.counts) + self.counts
        self.run.counts = dict(total)
        self.run.save(update_fields=["counts"])
        for task in self.tasks:
            _record_opened(task)


def _record_opened(task: ReviewTask) -> None:
    chain.record(
        Act.DRUG_REVIEW_OPENED,
        by=None,
        of=task.drug,
        schedule=task.new_schedule or "not controlled",
        reason=Words(task.reason),
    )


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())
