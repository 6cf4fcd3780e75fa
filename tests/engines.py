"""How SQLite and PostgreSQL keep templates and copy them."""

import itertools
import os
from pathlib import Path

import psycopg
from django.conf import settings
from django.db import connection

from tests.kept import FOLDER

KEPT_TEMPLATES = 4  # of each kind; branches of the repository take turns
_number = itertools.count(1)


class SQLite:
    """Templates are files in `var/test/`, copies in the folder of the process."""

    def has(self, template: str) -> bool:
        return self._file(template).exists()

    def begin(self, template: str) -> str:
        unfinished = str(self._unfinished(template))
        self.drop(unfinished)
        return unfinished

    def finish(self, template: str) -> None:
        self._unfinished(template).rename(self._file(template))
        kind, _, _ = template.partition("_")
        files = sorted(FOLDER.glob(f"{kind}_*.sqlite3"), key=os.path.getmtime)
        for old in files[:-KEPT_TEMPLATES]:
            old.unlink()

    def copy(self, template: str) -> str:
        # A new name for each: a thread may still have the one before open.
        copy = Path(settings.VAR_DIR) / f"copy-{next(_number)}.sqlite3"
        copy.write_bytes(self._file(template).read_bytes())
        return str(copy)

    def drop(self, name: str) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(name + suffix).unlink(missing_ok=True)

    def _file(self, template: str) -> Path:
        return FOLDER / f"{template}.sqlite3"

    def _unfinished(self, template: str) -> Path:
        return FOLDER / f"{template}.unfinished"


class PostgreSQL:
    """Templates and copies are databases of the server (tests/postgres.py)."""

    def has(self, template: str) -> bool:
        return template in self._names(template)

    def begin(self, template: str) -> str:
        unfinished = f"unfinished_{template}"
        self.drop(unfinished)
        self._run(f'CREATE DATABASE "{unfinished}"')
        return unfinished

    def finish(self, template: str) -> None:
        self._run(f'ALTER DATABASE "unfinished_{template}" RENAME TO "{template}"')
        kind, _, _ = template.partition("_")
        for old in self._names(rf"{kind}\_%")[:-KEPT_TEMPLATES]:
            self.drop(old)

    def copy(self, template: str) -> str:
        copy = f"copy_{os.getpid()}_{next(_number)}"
        # Newer servers would write a log of the copy, which takes seven times as long.
        files = "STRATEGY FILE_COPY" if connection.pg_version >= 15_00_00 else ""
        self._run(f'CREATE DATABASE "{copy}" TEMPLATE "{template}" {files}')
        return copy

    def drop(self, name: str) -> None:
        self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _names(self, like: str) -> list[str]:
        """Return the databases of these names, the oldest first."""
        named = "SELECT datname FROM pg_database WHERE datname LIKE %s ORDER BY oid"
        return [name for (name,) in self._run(named, like)]

    def _run(self, statement: str, *parameters: str) -> list[tuple]:
        facts = connection.settings_dict
        with psycopg.connect(
            dbname="postgres",
            host=facts["HOST"],
            port=facts["PORT"],
            user=facts["USER"],
            autocommit=True,
        ) as server:
            cursor = server.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []


ENGINES = {"sqlite": SQLite(), "postgresql": PostgreSQL()}
