"""docs/audit.md, written from the declared acts."""

from collections.abc import Iterable

from audit.acts import Act
from audit.catalog import DETAIL_KEYS, ORDINARY, Paragraph
from foundation import plain_text

TEMPLATE = "audit/record.md"


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
