"""An installation from before takes the newest tables without loss."""

import os
import sqlite3
import subprocess
import sys

import psycopg
import pytest
from django.db import connection

from tests.engines import ENGINES
from tests.processes import ROOT
from tests.production import environment

pytestmark = [pytest.mark.both_databases, pytest.mark.slow]

TRIGGERS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
}
REFUSED = (sqlite3.IntegrityError, psycopg.IntegrityError)
# What was there when one administrator still gave the right to sign alone.
BEFORE = [("prescriptions", "0002"), ("providers", "0002"), ("mfa", "0005")]
ROWS = [
    "INSERT INTO epcs_portal_user (id, username, password, first_name, last_name,"
    " email, is_superuser, is_staff, is_active, date_joined) VALUES"
    " (1, 'root', 'x', '', '', '', true, true, true, '2026-11-01'),"
    " (2, 'riley', 'x', '', '', '', false, false, true, '2026-11-01')",
    "INSERT INTO providers_provider (id, public_id, user_id, first_name, last_name,"
    " credentials, npi) VALUES (1, '11111111111111111111111111111111', 2, 'Riley',"
    " 'Ready', 'MD', '2000000010')",
    "INSERT INTO providers_accessgrant (id, public_id, provider_id, granted_by_id,"
    " granted_at, is_provisional, reason) VALUES"
    " (1, '11111111111111111111111111111111', 1, 1, '2026-11-02', true, '')",
]
ANOTHER_GRANT = ROWS[2].replace("(1, '1", "(2, '2")


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """A database as it was, with a right that one person gave, and then the newest."""
    engine = ENGINES[connection.vendor]
    name = engine.begin(f"before_{os.getpid()}")
    folder = tmp_path_factory.mktemp("old")
    migrate(name, folder, *BEFORE)
    with opened(name) as database:
        for row in ROWS:
            database.execute(row)
    database.close()
    migrate(name, folder, ())
    yield (database := opened(name))
    database.close()
    engine.drop(name)


def migrate(name, folder, *targets):
    """Migrate as an operator does, in a process of its own that owns the database."""
    calls = [f"call_command('migrate', *{target!r}, verbosity=0)" for target in targets]
    code = "import django; django.setup()\n"
    code += "from django.core.management import call_command\n" + "\n".join(calls)
    given = environment(folder) | {"DATABASE_URL": url_of(name)}
    subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=ROOT, env=os.environ | given
    )


def url_of(name):
    facts = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return "postgres://{USER}@{HOST}:{PORT}/".format(**facts) + name


def opened(name):
    if connection.vendor == "sqlite":
        return sqlite3.connect(name)
    return psycopg.connect(url_of(name), autocommit=True)


@pytest.mark.django_db
def test_the_guards_are_those_of_a_new_installation(old):
    triggers = TRIGGERS[connection.vendor]
    kept = {name for (name,) in old.execute(triggers)}

    with connection.cursor() as cursor:
        cursor.execute(triggers)
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
        "UPDATE providers_accessgrant SET is_provisional = false",
        ANOTHER_GRANT,
    ):
        with pytest.raises(REFUSED):
            old.execute(forbidden)
