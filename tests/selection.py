"""Which tests run on which database, and in which order."""

import pytest
from django.db import connection
from xdist.scheduler import LoadFileScheduling

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
def pytest_require_both_databases(items):
    """Have each test that commits run on both databases, which differ there most."""
    unmarked = [
        item.nodeid
        for item in items
        if _commits(item) and not item.get_closest_marker("both_databases")
    ]
    if unmarked:
        raise pytest.UsageError(
            "A test with transaction=True is marked both_databases; these are not:\n"
            + "\n".join(unmarked)
        )


@pytest.hookimpl(specname="pytest_collection_modifyitems")
def pytest_leave_out_what_sqlite_shows(config, items):
    """Run on PostgreSQL what asks the database something of its own."""
    if connection.vendor != "postgresql":
        return
    asks = {item: bool(item.get_closest_marker("both_databases")) for item in items}
    config.hook.pytest_deselected(items=[item for item in items if not asks[item]])
    items[:] = [item for item in items if asks[item]]


def _commits(item) -> bool:
    mark = item.get_closest_marker("django_db")
    return "transactional_db" in item.fixturenames or bool(
        mark and mark.kwargs.get("transaction")
    )
