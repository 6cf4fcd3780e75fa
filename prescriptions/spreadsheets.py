"""Lines of CSV that no spreadsheet program runs as formulas."""

import csv
import io
from collections.abc import Iterable

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def line(cells: Iterable[object]) -> str:
    """Return one line of CSV whose cells are all harmless."""
    text = io.StringIO()
    csv.writer(text).writerow(map(harmless, cells))
    return text.getvalue()


def harmless(cell: object) -> str:
    """Return the text of a cell, quoted if a spreadsheet would read a formula."""
    text = str(cell)
    return f"'{text}" if text.startswith(FORMULA) else text
