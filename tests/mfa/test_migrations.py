"""An installation from before takes the newest tables without loss."""

import os
import sqlite3
import subprocess
import sys

import pytest
from django.db import connection

from tests.processes import ROOT
from tests.production import environment

pytestmark = [pytest.mark.both_databases, pytest.mark.slow]

TRIGGERS = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
# What was there when one administrator still gave the right to sign alone.
BEFORE = [("prescriptions", "0002"), ("providers", "0002"), ("mfa", "0005")]
ROWS = [
    "INSERT INTO epcs_portal_user (id, username, password, first_name, last_name,"
    " email, is_superuser, is_staff, is_active, date_joined) VALUES"
    " (1, 'root', 'x', '', '', '', 1, 1, 1, '2026-11-01'),"
    " (2, 'riley', 'x', '', '', '', 0, 0, 1, '2026-11-01')",
    "INSERT INTO providers_provider (id, public_id, user_id, first_name, last_name,"
    " credentials, npi) VALUES (1, 'p', 2, 'Riley', 'Ready', 'MD', '2000000010')",
    "INSERT INTO providers_accessgrant (id, public_id, provider_id, granted_by_id,"
    " granted_at, is_provisional, reason) VALUES (1, 'g', 1, 1, '2026-11-02', 1, '')",
]


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """A database as it was, with a right that one person gave, and then the newest."""
    folder = tmp_path_factory.mktemp("old")
    file = folder / "old.sqlite3"
    given = environment(folder) | {"DATABASE_URL": f"sqlite:///{file}"}

    def migrate(*targets):
        calls = [
            f"call_command('migrate', *{target!r}, verbosity=0)" for target in targets
        ]
        code = "import django; django.setup()\n"
        code += "from django.core.management import call_command\n" + "\n".join(calls)
        command = [sys.executable, "-c", code]
        subprocess.run(command, check=True, cwd=ROOT, env=os.environ | given)

    migrate(*BEFORE)
    with sqlite3.connect(file) as database:
        for statement in ROWS:
            database.execute(statement)
    database.close()
    migrate(())
    yield (database := sqlite3.connect(file))
    database.close()


@pytest.mark.django_db
def test_the_guards_are_those_of_a_new_installation(old):
    kept = {name for (name,) in old.execute(TRIGGERS)}

    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(TRIGGERS)
            assert kept == {name for (name,) in cursor.fetchall()}
    assert "providers_accessgrant_given_by_two" in kept


@pytest.mark.cfr("1311.120(b)(4)")
def test_a_right_that_one_person_gave_is_kept_and_gives_nothing_more(old):
    rows = old.execute(
        "SELECT provider_id, practice_id, is_provisional, request_id, revoked_at"
        " FROM providers_accessgrant"
    ).fetchall()
    assert rows == [(1, None, 1, None, None)]
    for forbidden in (
        "DELETE FROM providers_accessgrant",
        "UPDATE providers_accessgrant SET is_provisional = 0",
        ROWS[2].replace("(1, 'g'", "(2, 'h'"),
    ):
        with pytest.raises(sqlite3.IntegrityError):
            old.execute(forbidden)
