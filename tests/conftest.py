import gc
import socket
import sys

import pytest

from tests import database, factories
from tests.compliance.recording import (  # noqa: F401
    pytest_collection_modifyitems,
    pytest_runtest_logreport,
    pytest_sessionfinish,
)
from tests.counts import pytest_terminal_summary  # noqa: F401
from tests.demo import Demo
from tests.selection import (  # noqa: F401
    pytest_begin_with_what_is_long,
    pytest_leave_out_what_sqlite_shows,
    pytest_require_both_databases,
    pytest_xdist_make_scheduler,
)

database.renew_after_transactions()
gc.set_threshold(100_000, 50, 100)  # a tenth of the time would go into it


@pytest.hookimpl(specname="pytest_sessionfinish")
def pytest_skip_importing_hypothesis(session):
    """Spare a run without properties half a second: the plugin's summary imports it."""
    plugins = session.config.pluginmanager
    if "hypothesis" not in sys.modules and plugins.has_plugin("hypothesispytest"):
        plugins.unregister(name="hypothesispytest")


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment, django_db_blocker):
    with django_db_blocker.unblock():
        database.use_a_copy()
    yield
    with django_db_blocker.unblock():
        database.drop()


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """The whole demonstration as its own processes, once per process that runs tests."""
    demo = Demo(tmp_path_factory.mktemp("demo") / "data")
    yield demo.wait_until_ready()
    demo.stop()


@pytest.fixture
def as_owner(db):
    """Act with the rights of the database's owner, against whom guards hold as well."""
    with database.as_owner():
        yield


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
def peggy(practice):
    """A provider with everything in order at two practices of one State."""
    peggy = factories.make_ready_provider("peggy", practice=practice)
    second = factories.make_practice(name="Second Street Clinic (demo)")
    factories.add_practice(peggy.provider, practice=second)
    return peggy


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


@pytest.fixture
def silent_mail_server(settings):
    """A mail server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.getsockname()
        yield server
