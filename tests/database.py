"""One migration for all processes that run tests: each works on a copy of the result.

To migrate takes a processor ten seconds; to copy, nothing worth mentioning.
"""

import fcntl
from pathlib import Path

from django.db import connection


def use_a_copy(folder: Path, *, suffix: str) -> None:
    """Turn to a database of one's own; the first process in `folder` makes the original."""
    creation, named = connection.creation, folder / "migrated"
    with (folder / "migrating").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not named.exists():
            named.write_text(_migrate(folder))
        connection.close()
        connection.settings_dict["NAME"] = named.read_text()
        creation.clone_test_db(suffix, verbosity=0)
    connection.settings_dict |= creation.get_test_db_clone_settings(suffix)


def _migrate(folder: Path) -> str:
    """Return the name of the database that the copies are made of."""
    if connection.vendor == "sqlite":
        # A file, because threads of a race cannot share a database in memory.
        connection.settings_dict["TEST"]["NAME"] = str(folder / "test.sqlite3")
    return connection.creation.create_test_db(
        verbosity=0, autoclobber=True, serialize=False
    )
