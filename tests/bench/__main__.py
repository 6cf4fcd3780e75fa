"""Compare the CPU that pages and signatures take with the release before.

    git worktree add ../before 2a589bb    # and its environment in ../before/.venv
    python -m tests.bench ../before                             # on SQLite
    python -m tests.postgres python -m tests.bench ../before    # on PostgreSQL

Each release is a process of its own; they take turns in rounds, so that a busy machine
slows both. CPU is that of the web process and of its database backend, without the hash
of the password. Ends after a fixed number of requests, in a minute or two.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import psycopg

from tests.processes import ROOT

REQUESTS = {"sign": 5, "erx-info": 10, "home": 10, "prescription-list": 10}
LIMITS = {"sign": 0.45, "erx-info": 0.5, "home": 0.5, "prescription-list": 0.65}
WORKER = Path(__file__).with_name("release.py")


class Release:
    """A release that is told to do something, and tells what CPU it took."""

    def __init__(self, root: Path, python: Path, database: str):
        environment = os.environ | {"PYTHONPATH": str(root)}
        if database:
            environment["DATABASE_URL"] = database
        self.process = subprocess.Popen(
            [python, WORKER],
            cwd=root,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def measure(self, act: str, count: int) -> float:
        """Return the milliseconds of CPU that one request took, of so many."""
        self.process.stdin.write(f"{act} {count}\n")
        self.process.stdin.flush()
        if not (answer := self.process.stdout.readline()):
            sys.exit(f"{self.process.args} ended while it was asked to {act}.")
        return float(answer) / count

    def stop(self) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=30)


@contextmanager
def new_database(name: str) -> Iterator[str]:
    """Yield the URL of an empty database; SQLite needs none."""
    url = urlsplit(os.environ.get("DATABASE_URL", ""))
    if not url.scheme:
        yield ""
        return
    with psycopg.connect(url._replace(query="").geturl(), autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        server.execute(f'CREATE DATABASE "{name}"')
        yield url._replace(path=f"/{name}", query="").geturl()
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def running(root: Path, python: Path, *, name: str) -> Iterator[Release]:
    with new_database(f"copy_bench_{name}") as database:
        release = Release(root, python, database)
        try:
            yield release
        finally:
            release.stop()


def compare(before: Release, now: Release, *, rounds: int) -> None:
    """Print what each act takes of the CPU it took before, a median of rounds."""
    print(f"{'':20}{'before':>10}{'now':>10}{'ratio':>8}{'limit':>7}   rounds")
    for act, count in REQUESTS.items():
        pairs = []
        for number in range(rounds + 1):
            order = (before, now) if number % 2 else (now, before)
            taken = {release: release.measure(act, count) for release in order}
            pairs.append((taken[before], taken[now]))
        warm = pairs[1:]
        ratios = [after / earlier for earlier, after in warm]
        earlier, after = (median(times) for times in zip(*warm, strict=True))
        each = " ".join(f"{ratio:.2f}" for ratio in ratios)
        print(
            f"{act:20}{earlier:7.1f} ms{after:7.1f} ms{median(ratios):8.2f}"
            f"{LIMITS[act]:7.2f}   {each}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("before", type=Path, help="checkout of the release before")
    parser.add_argument("--python", type=Path, help="its interpreter")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    root = options.before.resolve()
    python = options.python or root / ".venv" / "bin" / "python"
    with ExitStack() as stack:
        before = stack.enter_context(running(root, python, name="before"))
        now = stack.enter_context(running(ROOT, Path(sys.executable), name="now"))
        compare(before, now, rounds=options.rounds)


if __name__ == "__main__":
    main()
