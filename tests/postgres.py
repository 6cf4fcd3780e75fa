"""Run a command against a throw-away PostgreSQL server: `python -m tests.postgres pytest`.

The server listens on 127.0.0.1 only, belongs to a user that is not root, and is gone
when the command ends. Without server programs nothing is run; with CI=true that fails.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

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
    "max_connections": "200",
    "listen_addresses": "127.0.0.1",
}


def programs() -> Path | None:
    """Return the folder of the server programs, the newest that Debian has if many."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    versions = [path.parent for path in DEBIAN.glob("*/bin/initdb")]
    return max(versions, key=lambda path: int(path.parent.name), default=None)


@contextmanager
def server(folder: Path, programs: Path):
    """Yield the DATABASE_URL of a new server whose files are in `folder`."""
    port = free_port()
    who = _somebody_else(folder) if os.geteuid() == 0 else {}
    data, quiet = folder / "data", {"stdout": subprocess.DEVNULL, "cwd": folder}
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "epcs", "-A", "trust", "--no-locale"]
        + ["-E", "UTF8", "--no-sync"],
        check=True,
        **quiet,
        **who,
    )
    options = " ".join(f"-c {name}={value}" for name, value in OPTIONS.items())
    control = [programs / "pg_ctl", "-D", data, "-w", "-s"]
    starting = ["-o", f"-p {port} -k {folder} {options}", "-l", folder / "log", "start"]
    subprocess.run([*control, *starting], check=True, **quiet, **who)
    try:
        yield f"postgres://epcs@127.0.0.1:{port}/epcs"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **quiet, **who)


def main(command: list[str]) -> int:
    # An interrupted run must not leave a server behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    found = programs()
    if found is None:
        print(f"\n*** {MISSING} ***\n", file=sys.stderr)
        return 1 if os.environ.get("CI") == "true" else 0
    with (
        tempfile.TemporaryDirectory(prefix="epcs-postgres-") as folder,
        server(Path(folder), found) as url,
    ):
        print(f"On PostgreSQL ({found}):", flush=True)
        environment = os.environ | {"DATABASE_URL": url}
        return subprocess.run(command, env=environment).returncode


def _somebody_else(folder: Path) -> dict:
    """Return whose processes these are, when started by root, which PostgreSQL refuses."""
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
