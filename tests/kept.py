"""What test runs keep for the next one: keys and databases, in `var/test/`.

Everything in there can be deleted at any time; the next run makes it again.
"""

import fcntl
import hashlib
import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.processes import ROOT

FOLDER = ROOT / "var" / "test"
BLOCK, BLOCKS = 1_000, 900  # six digits, as DEA numbers have


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Keep every other process on this machine that asks for the same lock waiting."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fingerprint(files: Iterable[Path]) -> str:
    """Return a short name for the contents of these files."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def numbers() -> Iterator[int]:
    """Return numbers that no other process has, so that several share a database."""
    return itertools.chain.from_iterable(_blocks())


def _blocks() -> Iterator[range]:
    while True:
        with locked("numbers"):
            file = FOLDER / "numbers"
            block = int(file.read_text()) if file.exists() else 0
            file.write_text(str((block + 1) % BLOCKS))
        yield range(block * BLOCK + 1, (block + 1) * BLOCK + 1)
