"""The list of auditable events of 21 CFR 1311.150(a), as code and as docs/audit.md.

The acts themselves say under which paragraph they are, in `audit.acts`.
"""

from collections.abc import Iterable

from audit.acts import Act, Outcome
from audit.catalog import DETAIL_KEYS, ORDINARY, Paragraph
from audit.models import Event
from audit.models.incidents import PARAGRAPHS
from foundation import plain_text

TEMPLATE = "audit/record.md"

# Auditable however it ended.
ALWAYS: dict[Act, Paragraph] = {
    act: act.entry.paragraph
    for act in Act
    if act.entry.paragraph and not act.entry.only_failures
}

# Auditable only when it failed.
FAILED: dict[Act, Paragraph] = {
    act: act.entry.paragraph
    for act in Act
    if act.entry.paragraph and act.entry.only_failures
}

# Recorded all the same (21 CFR 1311.120(b)(23)); each entry says why.
NOT_AUDITABLE = frozenset(act for act in Act if act.entry.paragraph is None)

ACTS = [*ALWAYS, *FAILED]  # an event with another act needs no look at all


def paragraph_of(event: Event) -> Paragraph | None:
    """Return the paragraph under which an event is auditable, if it is."""
    if event.act == Act.INCIDENT_OPENED:
        return PARAGRAPHS.get(event.detail.get("kind"), Paragraph.RECORDS)
    if event.act in ALWAYS:
        return ALWAYS[Act(event.act)]
    if event.outcome == Outcome.FAILURE and event.act in FAILED:
        return FAILED[Act(event.act)]
    return None


def markdown() -> str:
    """Return the text of docs/audit.md."""
    text = plain_text.render(
        TEMPLATE,
        acts=sorted(Act),
        detail_keys=", ".join(f"`{key}`" for key in sorted(DETAIL_KEYS)),
        paragraphs=[(paragraph, _listed(paragraph)) for paragraph in Paragraph],
        exceptions=[act for act in Act if _is_exception(act)],
    )
    return text.rstrip() + "\n"


def _listed(paragraph: Paragraph) -> str:
    """Return the acts of a paragraph as they are written in the table."""
    return ", ".join(_names(act for act in Act if act.entry.paragraph == paragraph))


def _names(acts: Iterable[Act]) -> Iterable[str]:
    for act in sorted(acts):
        yield f"`{act}`" + (" when it fails" if act.entry.only_failures else "")


def _is_exception(act: Act) -> bool:
    """Return True if the act is not auditable for a reason of its own."""
    return act.entry.paragraph is None and act.entry.because != ORDINARY
