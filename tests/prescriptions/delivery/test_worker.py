"""The worker as a process of its own: it sends, survives a kill, and ends on request."""

import os
import signal
import subprocess
import sys
import time

import pytest
from django.conf import settings as configured
from django.db import connection

from prescriptions.models import Prescription, Status, Transmission
from tests import processes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.race,
    pytest.mark.django_db(transaction=True),
    pytest.mark.both_databases,
]
PATIENCE = 30  # seconds


@pytest.fixture
def pharmacy(tmp_path):
    running = processes.start_pharmacy(tmp_path)
    yield running
    running.stop()


@pytest.fixture
def start(pharmacy, tmp_path):
    """Start a worker on the test database; all are gone when the test ends."""
    started = []

    def start():
        code = WORKER.format(database=connection.settings_dict["NAME"])
        environment = os.environ | {"NETWORK": f"{pharmacy.origin}/script"}
        with (tmp_path / f"worker-{len(started)}.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", code],
                cwd=configured.BASE_DIR,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


# The settings of the tests, on the database of this test and on its pharmacy.
WORKER = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
from tests import settings
settings.DATABASES["default"]["NAME"] = {database!r}
settings.SCRIPT_NETWORK_URL = os.environ["NETWORK"]
import django
from django.core.management import call_command
django.setup()
call_command("worker")
"""


def wait_for(status):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if Prescription.objects.get().status == status:
            return
        time.sleep(0.2)
    raise AssertionError(Prescription.objects.get().status)


@pytest.mark.cfr("1311.170(a)")
def test_it_sends_what_was_signed(start, queued):
    start()

    wait_for(Status.DELIVERED)


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_asked(start, queued, sign):
    worker = start()
    wait_for(Status.DELIVERED)

    worker.send_signal(sign)

    assert worker.wait(timeout=10) == 0


def test_what_a_killed_worker_left_is_sent_by_the_next(start, queued):
    Transmission.objects.update(
        state="sending",
        attempts=1,
        leased_until="2026-01-01T00:00Z",
        enqueued_at="2026-01-01T00:00Z",
    )

    start()

    wait_for(Status.DELIVERED)
    assert Transmission.objects.get().attempts == 2
