"""Scheduled jobs: each is safe to run too often, late, and twice."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from audit import heartbeat
from epcs_portal.incidents import analysis, decisions
from mfa.push import idme_answers
from prescriptions import signer
from prescriptions.delivery import pharmacy_requests
from prescriptions.records import exports, log_delivery
from prescriptions.safeguards import clock
from providers.access import suspension

logger = logging.getLogger(__name__)


@dataclass
class Job:
    """A verb without arguments that does nothing when there is nothing to do."""

    name: str
    run: Callable[[], object]
    every: float  # seconds
    due: float = 0.0  # by time.monotonic()


JOBS: list[Job] = [
    Job("clock", clock.measure, every=60),
    Job("signing module", signer.record_module, every=3600),
    Job("late answers of phones", idme_answers.poll_unwatched, every=5),
    Job("heartbeat", heartbeat.beat, every=60),
    Job("daily analysis", analysis.run, every=10 * 60),
    Job("overdue incidents", decisions.mark_overdue, every=5 * 60),
    Job("lapsed authority", suspension.suspend_lapsed, every=5 * 60),
    Job("answers to pharmacies", pharmacy_requests.close_finished, every=5),
    Job("monthly logs", log_delivery.run, every=15 * 60),
    Job("exports", exports.sweep, every=5 * 60),
]


def run_due() -> None:
    """Run the jobs that are due; a failed one is logged and tried again."""
    for job in JOBS:
        if job.due <= time.monotonic():
            _run(job)
            job.due = time.monotonic() + job.every


def run_all() -> list[str]:
    """Run every job now and return the names of those that failed."""
    return [job.name for job in JOBS if not _run(job)]


def _run(job: Job) -> bool:
    try:
        job.run()
    except Exception:  # noqa: BLE001
        logger.exception("The job “%s” failed and is tried again.", job.name)
        return False
    return True
