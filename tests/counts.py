"""How the tests of all runs ended, for one line that counts them all.

A run leaves its counts in the file that TEST_COUNTS names.
"""

import json
import os
from collections import Counter
from pathlib import Path

from tests.kept import FOLDER

COUNTS = FOLDER / "counts"
CATEGORIES = {
    "passed": ("passed", "xfailed"),
    "failed": ("failed", "error"),
    "skipped": ("skipped",),
}


def pytest_terminal_summary(terminalreporter):
    if path := os.environ.get("TEST_COUNTS"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(json.dumps(_counts(terminalreporter.stats)))


def closing_line() -> str:
    """Return how the tests of the last runs ended, of all runs together."""
    total: Counter[str] = Counter()
    for path in COUNTS.glob("*.json"):
        total.update(json.loads(path.read_text()))
    return ", ".join(f"{total[outcome]} {outcome}" for outcome in CATEGORIES)


def _counts(stats: dict[str, list]) -> dict[str, int]:
    """Count tests: one that failed in several places, or in subtests, is one."""
    return {
        outcome: len(
            {report.nodeid for name in names for report in stats.get(name, [])}
        )
        for outcome, names in CATEGORIES.items()
    }
