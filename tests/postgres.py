"""Run a command on PostgreSQL: `python -m tests.postgres pytest tests/audit`.

The server starts when a run needs it, is shared by runs at the same time, and ends with
the last of them. It keeps its databases in `var/test/postgres/` for the next one, listens
on 127.0.0.1 only and belongs to a user that is not root. Without server programs nothing
is run; with CI=true that fails.
"""

import fcntl
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from tests.kept import FOLDER, locked
from tests.processes import free_port

DEBIAN = Path("/usr/lib/postgresql")
MISSING = (
    "PostgreSQL's initdb and pg_ctl were not found (Debian: apt-get install postgresql). "
    "The tests do NOT run on PostgreSQL."
)
# A crash of this server loses nothing that anybody wants.
OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "200",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
}
CLUSTER = ("--no-locale", "-E", "UTF8", "--no-sync")
# The owner migrates; tests act with the rights of the portal's role.
ROLES = (
    "CREATE ROLE epcs_portal",
    "CREATE ROLE epcs_owner LOGIN CREATEDB IN ROLE epcs_portal",
)
COPIES = r"SELECT datname FROM pg_database WHERE datname LIKE 'copy\_%'"


def programs() -> Path | None:
    """Return the folder of the server programs, the newest that Debian has if many."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    versions = [path.parent for path in DEBIAN.glob("*/bin/initdb")]
    return max(versions, key=lambda path: int(path.parent.name), default=None)


class Server:
    """The PostgreSQL server of this checkout."""

    def __init__(self, programs: Path):
        self.programs = programs
        self.account = _other_account() if os.geteuid() == 0 else {}
        self.folder = _folder()
        self.data = self.folder / "data"

    @contextmanager
    def running(self) -> Iterator[str]:
        """Yield the DATABASE_URL; stop the server afterwards unless others use it."""
        with locked("postgres"):
            if not self._answers():
                self._start()
            users = (FOLDER / "postgres.users").open("w")
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            at = f"127.0.0.1:{self._port()}"
            yield f"postgres://epcs_owner@{at}/postgres?assume_role=epcs_portal"
        finally:
            with locked("postgres"), users, suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._control("stop", "-m", "fast")

    def _start(self) -> None:
        """Start it on what is kept, or on nothing after a crash or an upgrade."""
        crashed = (self.data / "postmaster.pid").exists()
        new = crashed or not self._fits()
        if new:
            self._make()
        options = " ".join(f"-c {name}={value}" for name, value in OPTIONS.items())
        log = self.folder / "log"
        self._control("start", "-o", f"-p {free_port()} {options}", "-l", log)
        with psycopg.connect(
            f"postgres://postgres@127.0.0.1:{self._port()}/postgres", autocommit=True
        ) as server:
            for statement in ROLES if new else ():
                server.execute(statement)
            for (copy,) in server.execute(
                COPIES
            ).fetchall():  # of runs that were killed
                server.execute(f'DROP DATABASE "{copy}"')

    def _make(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        if self.account:
            os.chown(self.folder, self.account["user"], self.account["group"])
        self._run(
            "initdb", *("-D", self.data, "-U", "postgres", "-A", "trust"), *CLUSTER
        )

    def _fits(self) -> bool:
        """Return True if the server programs can read the data folder."""
        version = self.data / "PG_VERSION"
        said = subprocess.check_output(
            [self.programs / "initdb", "--version"], text=True
        )
        return version.exists() and f") {version.read_text().strip()}" in said

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port()), timeout=5):
                return True
        except OSError:
            return False

    def _port(self) -> int:
        """Return the port that the server wrote down when it started."""
        return int((self.data / "postmaster.pid").read_text().splitlines()[3])

    def _control(self, *command: str | Path) -> None:
        self._run("pg_ctl", "-D", self.data, "-w", "-s", *command)

    def _run(self, program: str, *arguments: str | Path) -> None:
        subprocess.run(
            [self.programs / program, *arguments],
            check=True,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            **self.account,
        )


def main(command: list[str]) -> int:
    # An interrupted run leaves no server behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    found = programs()
    if found is None:
        print(f"\n*** {MISSING} ***\n", file=sys.stderr)
        return 1 if os.environ.get("CI") == "true" else 0
    with Server(found).running() as url:
        print(f"On PostgreSQL ({found}):", flush=True)
        environment = os.environ | {"DATABASE_URL": url}
        return subprocess.run(command, env=environment).returncode


def _folder() -> Path:
    """Return where the server keeps its files: elsewhere if its account cannot enter."""
    folder = FOLDER / "postgres"
    if os.geteuid() != 0 or all(one.stat().st_mode & 0o001 for one in FOLDER.parents):
        return folder
    return (
        Path(tempfile.gettempdir()) / f"epcs-postgres-{zlib.crc32(bytes(folder)):08x}"
    )


def _other_account() -> dict:
    """Return whose processes these are when root starts them; PostgreSQL refuses root."""
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
