"""Run the tests on both databases: `python -m tests usual`, `slow`, `all` or `count`.

`usual` is everything that is not slow, on SQLite, and then on PostgreSQL what is marked
both_databases; `slow` is what that leaves out. `usual` begins the results again, `slow`
adds to them, and `count` prints the line about all of them again. Options that follow
go to pytest.
"""

import os
import shutil
import subprocess
import sys

from tests import counts
from tests.processes import ROOT

PARTS = {"usual": ["usual"], "slow": ["slow"], "all": ["usual", "slow"], "count": []}
MARKS = {"usual": "not slow", "slow": "slow"}
DATABASES = ("sqlite", "postgresql")
COMPLIANCE = ROOT / "var" / "compliance"
NOTHING_SELECTED = 5  # pytest's exit code
# A file stays with one process, for what its tests share, and the long ones come first
# (tests/selection.py). Four processes for two cores, because some tests wait for clocks
# and for others.
PYTEST = (
    *("-m", "pytest", "-q", "-rs", "-n", "4"),
    *("--dist", "loadfile", "--no-loadscope-reorder"),
)


def main(what: str = "usual", *options: str) -> int:
    ended = [
        _run(part, database, options) for part in PARTS[what] for database in DATABASES
    ]
    if PARTS[what] and not options:  # the matrix needs all tests
        ended.append(_python("-m", "tests.compliance", "--check"))
    print(counts.closing_line(), flush=True)
    return int(any(ended))


def _run(part: str, database: str, options: tuple[str, ...]) -> bool:
    """Run the tests of a part on one database; return True if something failed."""
    if (part, database) == ("usual", DATABASES[0]):
        for folder in (COMPLIANCE, counts.COUNTS):
            shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{part.capitalize()} tests on {database}:", flush=True)
    command = [*PYTEST, "-m", MARKS[part], *options]
    if database == "postgresql":
        command = ["-m", "tests.postgres", sys.executable, *command]
    return _python(
        *command,
        COMPLIANCE_RESULTS=str(COMPLIANCE / f"{part}-{database}.json"),
        TEST_COUNTS=str(counts.COUNTS / f"{part}-{database}.json"),
    )


def _python(*command: str, **environment: str) -> bool:
    process = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=os.environ | environment
    )
    return process.returncode not in (0, NOTHING_SELECTED)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
