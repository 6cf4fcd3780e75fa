"""The list of auditable events that 21 CFR 1311.150(a) asks for, and nothing else.

The acts themselves say under which paragraph they are, in `audit.acts`.
"""

from audit.acts import Act, Outcome
from audit.catalog import Paragraph
from audit.models import Event
from audit.models.incidents import PARAGRAPHS

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
