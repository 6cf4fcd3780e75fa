"""A copy of a migrated database for every process that runs tests.

Migrating takes ten seconds and copying a few milliseconds, so that the migrated database
is kept as a template, by what it was made of, until a migration changes.
"""

import importlib
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from django.apps import apps
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.test import TransactionTestCase

from tests.engines import ENGINES
from tests.kept import fingerprint, locked
from tests.processes import ROOT

# What a migration takes from an app: guards, validators, the words of choices.
IMPORT = re.compile(r"^(?:from|import) ([a-z_]+(?:\.[a-z_]+)*)", re.MULTILINE)
RIGHTS = ROOT / "epcs_portal" / "database_grants.py"


def use_a_copy() -> None:
    """Turn to a new copy of the migrated database, for this process alone."""
    _turn_to(ENGINES[connection.vendor].copy(migrated()))


def drop() -> None:
    """Remove the copy that this process uses."""
    used = connection.settings_dict["NAME"]
    connection.close()
    ENGINES[connection.vendor].drop(used)


def renew_after_transactions() -> None:
    """Have a test that commits leave a new copy behind, where Django empties tables.

    Guards refuse to have most of them emptied.
    """

    def renew(_) -> None:
        drop()
        use_a_copy()

    TransactionTestCase._fixture_teardown = renew


@contextmanager
def as_owner() -> Iterator[None]:
    """Act as the owner of the database, who may lift its guards."""
    if connection.vendor == "sqlite":  # it knows no roles
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        [role] = cursor.fetchone()
        cursor.execute("RESET ROLE")
        yield
        with suppress(DatabaseError):  # the end of a failed transaction brings it back
            cursor.execute(f"SET ROLE {role}")


@cache
def migrated() -> str:
    """Return the template with every migration applied; make it if it is missing."""
    engine = ENGINES[connection.vendor]
    template = f"migrated_{fingerprint({*_sources()})}"
    with locked("migrated"):
        if not engine.has(template):
            _turn_to(engine.begin(template))
            _migrate()
            connection.close()
            engine.finish(template)
    return template


def _migrate() -> None:
    """As the owner, who then gives the portal's role its rights."""
    role = connection.settings_dict["OPTIONS"].pop("assume_role", None)
    call_command("migrate", run_syncdb=True, verbosity=0)
    if role:
        call_command("database_grants", role, verbosity=0)
        connection.settings_dict["OPTIONS"]["assume_role"] = role


def _turn_to(name: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = name


def _sources() -> Iterator[Path]:
    """Yield the files that decide how a migrated database looks."""
    yield RIGHTS
    for app in apps.get_app_configs():
        name, _ = MigrationLoader.migrations_module(app.label)
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError:
            continue
        for migration in Path(module.__file__).parent.glob("*.py"):
            yield migration
            for imported in IMPORT.findall(migration.read_text()):
                yield from _modules(ROOT.joinpath(*imported.split(".")))


def _modules(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from path.glob("**/*.py")
    else:
        yield from path.parent.glob(f"{path.name}.py")
