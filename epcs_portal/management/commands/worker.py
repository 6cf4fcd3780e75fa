import threading
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import DatabaseError, close_old_connections, connections

from epcs_portal.operations import jobs
from prescriptions.delivery import outbox

SWEEP_EVERY = 3  # seconds


class Command(BaseCommand):
    help = "Send what is queued, and look every few seconds for what was left behind."

    def handle(self, *args: Any, **options: Any) -> None:
        stopping = threading.Event()
        sweeper = threading.Thread(target=self._sweep, args=[stopping], name="sweep")
        sweeper.start()
        try:
            # Ends on SIGTERM and SIGINT, after the task at hand.
            call_command("db_worker", interval=0.5, reload=False, startup_delay=False)
        finally:
            stopping.set()
            sweeper.join()

    def _sweep(self, stopping: threading.Event) -> None:
        while not stopping.wait(SWEEP_EVERY):
            close_old_connections()
            try:
                outbox.sweep()
                jobs.run_due()
            except DatabaseError as problem:
                self.stderr.write(f"The sweep is tried again: {problem}")
        connections.close_all()
