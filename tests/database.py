"""A copy of a migrated database for every process that runs tests.

Migrating takes ten seconds and copying a few milliseconds, so that the migrated database
is kept as a template, by what it was made of, until a migration changes.
"""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from tests.databases import DATABASES
from tests.kept import fingerprint, locked
from tests.processes import ROOT

# What a migration takes from an app: the guards, validators, the words of choices.
IMPORT = re.compile(r"^(?:from|import) ([a-z_]+(?:\.[a-z_]+)*)", re.MULTILINE)


def use_a_copy() -> None:
    """Turn to a new copy of the migrated database."""
    with locked("migrated"):
        template = migrated()
        turn_to(DATABASES[connection.vendor].copy(template))


def migrated() -> str:
    """Return the template with every migration applied; make it if it is missing."""
    databases = DATABASES[connection.vendor]
    template = f"migrated_{fingerprint(_sources())}"
    if not databases.has(template):
        turn_to(databases.begin(template))
        call_command("migrate", run_syncdb=True, verbosity=0)
        connection.close()
        databases.finish(template)
    return template


def turn_to(name: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = name


def _sources() -> Iterator[Path]:
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
    yield from (
        path.glob("**/*.py") if path.is_dir() else path.parent.glob(f"{path.name}.py")
    )
