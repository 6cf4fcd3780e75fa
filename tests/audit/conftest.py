import pytest
from django.db import connection

from audit import chain
from audit.acts import Act
from audit.models import ChainHead, Checkpoint, DailyReport, Event, Incident
from tests import factories
from tests.database import as_owner

KEPT = (Event, ChainHead, Checkpoint, DailyReport, Incident)
TABLES = [model._meta.db_table for model in KEPT]


@pytest.fixture
def nora(db):
    return factories.make_user("nora")


@pytest.fixture
def otto(db):
    return factories.make_user("otto")


@pytest.fixture
def five(nora):
    """Five events of Nora, the oldest first."""
    return [
        chain.record(Act.DEVICE_RENAMED, by=nora, nickname=f"Phone {number}")
        for number in range(1, 6)
    ]


@pytest.fixture
def tamper(db):
    """Run SQL as somebody who owns the database: no trigger stands in the way."""

    def run(sql, params=()):
        with as_owner(), connection.cursor() as cursor:
            for statement in LIFTS[connection.vendor](cursor):
                cursor.execute(statement)
            cursor.execute(sql, params)
            assert cursor.rowcount

    return run


def _lift_on_sqlite(cursor):
    cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    yield from [f'DROP TRIGGER "{name}"' for (name,) in cursor.fetchall()]


def _lift_on_postgresql(cursor):
    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # or a table cannot be altered
    yield from [f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in TABLES]


LIFTS = {"sqlite": _lift_on_sqlite, "postgresql": _lift_on_postgresql}
