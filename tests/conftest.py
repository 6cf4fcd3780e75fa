import gc

import pytest
from django.db import connection
from xdist.scheduler import LoadFileScheduling

from tests import database, factories, triggers
from tests.compliance.recording import (  # noqa: F401
    pytest_collection_modifyitems,
    pytest_runtest_logreport,
    pytest_sessionfinish,
)
from tests.demo import Demo

triggers.lift_during_flush()
gc.set_threshold(100_000, 50, 100)  # a tenth of the time would go into it
OF_A_DATABASE = {"db", "transactional_db"}
OF_THE_DEMO = ("tests/browser/", "tests/journey/")
OWN_DEMO = ("tests/browser/test_law.py", "tests/browser/test_push.py")
LONG = (
    *OF_THE_DEMO,
    "tests/tooling/test_demo_command.py",
    "tests/prescriptions/machine/",
    "tests/prescriptions/signing/test_http_race.py",
)


def pytest_xdist_make_scheduler(config, log):
    return OneDemo(config, log)


class OneDemo(LoadFileScheduling):
    """Leave a file with one process, and with one process all that share the demo."""

    def _split_scope(self, nodeid: str) -> str:
        shares = nodeid.startswith(OF_THE_DEMO) and not nodeid.startswith(OWN_DEMO)
        return "the demo" if shares else super()._split_scope(nodeid)


@pytest.hookimpl(specname="pytest_collection_modifyitems")
def pytest_begin_with_what_is_long(items):
    """So that no processor waits at the end for one file; pytest-xdist keeps the order."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


@pytest.hookimpl(specname="pytest_collection_modifyitems")
def pytest_leave_out_what_sqlite_shows(config, items):
    """Run on PostgreSQL what asks the database itself: verbs, guards and races.

    What is pure, and pages, which call the same verbs, run once, on SQLite.
    """
    if connection.vendor != "postgresql":
        return
    config.hook.pytest_deselected(items=[one for one in items if not _asks_it(one)])
    items[:] = filter(_asks_it, items)


def _asks_it(item) -> bool:
    database = item.get_closest_marker("django_db")
    if database and database.kwargs.get("transaction"):
        return True
    has_one = database or OF_A_DATABASE & {*item.fixturenames}
    return bool(has_one and "client" not in item.fixturenames)


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment, django_db_blocker):
    with django_db_blocker.unblock():
        database.use_a_copy()


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """The whole demonstration as its own processes, once per process that runs tests."""
    demo = Demo(tmp_path_factory.mktemp("demo") / "data")
    yield demo.wait_until_ready()
    demo.stop()


@pytest.fixture
def practice(db):
    return factories.make_practice()


@pytest.fixture
def alice(practice):
    """A provider with everything in order: linked, approved, registered, one primary."""
    return factories.make_ready_provider("alice", practice=practice)


@pytest.fixture
def bob(db):
    """A provider with everything in order, at another practice."""
    return factories.make_ready_provider(
        "bob", practice=factories.make_practice(name="Other Clinic (demo)", state="CA")
    )


@pytest.fixture
def sam(practice):
    """An agent at Alice's practice, who prepares prescriptions and never signs."""
    return factories.make_agent("sam", practice=practice)


@pytest.fixture
def mallory(db):
    """Somebody with an account and no right to anything."""
    return factories.make_user("mallory")


@pytest.fixture
def phone(alice):
    """Alice's primary device: a code generator."""
    return alice.mfa_devices.get(is_primary=True)
