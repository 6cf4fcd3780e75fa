"""Run one act in many threads at the same moment, each with its own connection."""

import threading
from concurrent.futures import ThreadPoolExecutor

from django.db import connection


def at_once(act, *, times):
    """Return what each of `times` parallel calls returned or raised."""
    barrier = threading.Barrier(times)

    def run(number):
        try:
            barrier.wait()
            return act(number)
        except Exception as error:  # noqa: BLE001  the test looks at it
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))
