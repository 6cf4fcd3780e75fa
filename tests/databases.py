"""How each kind of database keeps templates and copies them."""

import atexit
import os
import shutil
from pathlib import Path

import psycopg
from django.conf import settings
from django.db import connection

from tests.kept import FOLDER


class SQLite:
    """Templates are files in `var/test/`, copies are in the folder of the process."""

    def has(self, template: str) -> bool:
        return self._file(template).exists()

    def begin(self, template: str) -> str:
        unfinished = self._unfinished(template)
        unfinished.unlink(missing_ok=True)
        return str(unfinished)

    def finish(self, template: str) -> None:
        self._unfinished(template).rename(self._file(template))

    def copy(self, template: str) -> str:
        copy = Path(settings.VAR_DIR) / "portal.sqlite3"
        shutil.copyfile(self._file(template), copy)
        return str(copy)

    def _file(self, template: str) -> Path:
        return FOLDER / f"{template}.sqlite3"

    def _unfinished(self, template: str) -> Path:
        return FOLDER / f"{template}.unfinished"


class PostgreSQL:
    """Templates and copies are databases of one server."""

    def has(self, template: str) -> bool:
        named = "SELECT 1 FROM pg_database WHERE datname = %s"
        return self._run(named, template) is not None

    def begin(self, template: str) -> str:
        unfinished = f"{template}_unfinished"
        self._run(f'DROP DATABASE IF EXISTS "{unfinished}" WITH (FORCE)')
        self._run(f'CREATE DATABASE "{unfinished}"')
        return unfinished

    def finish(self, template: str) -> None:
        self._run(f'ALTER DATABASE "{template}_unfinished" RENAME TO "{template}"')

    def copy(self, template: str) -> str:
        copy = f"copy_{os.getpid()}"
        self._run(f'DROP DATABASE IF EXISTS "{copy}" WITH (FORCE)')
        self._run(f'CREATE DATABASE "{copy}" TEMPLATE "{template}"')
        atexit.register(self._run, f'DROP DATABASE IF EXISTS "{copy}" WITH (FORCE)')
        return copy

    def _run(self, statement: str, *parameters):
        facts = connection.get_connection_params() | {"dbname": "postgres"}
        for name in ("context", "cursor_factory", "prepare_threshold"):
            facts.pop(name, None)
        with psycopg.connect(**facts, autocommit=True) as server:
            found = server.execute(statement, parameters or None)
            return found.fetchone() if found.description else None


DATABASES = {"sqlite": SQLite(), "postgresql": PostgreSQL()}
