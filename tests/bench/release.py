"""Do what `tests.bench` asks, in the release of the working directory.

Only what every release has is used. Reads lines such as `home 10`, and writes the
milliseconds of CPU that ten requests took, one line each.
"""

import gc
import os
import re
import sys
import time
from pathlib import Path

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import reverse  # noqa: E402

from tests.factories import (  # noqa: E402
    PASSWORD,
    code_of,
    make_practice,
    make_ready_provider,
)
from tests.prescriptions.factories import make_draft, make_ready  # noqa: E402

ROWS = 50  # of the list: a full page
DIGEST = re.compile(r'name="shown_digest" value="(\w+)"')


class Portal:
    def __init__(self) -> None:
        call_command("migrate", verbosity=0)
        self.alice = make_ready_provider("alice", practice=make_practice())
        self.phone = self.alice.mfa_devices.get(is_primary=True)
        for _ in range(ROWS):
            make_draft(self.alice.provider)
        if connection.vendor == "postgresql":
            connection.cursor().execute("ANALYZE")
        self.client = Client()
        self.client.force_login(self.alice)

    def cpu_of(self, act: str, count: int) -> float:
        """Return the milliseconds of CPU that so many requests took."""
        gc.collect()
        request = self._sign if act == "sign" else self._page_of(reverse(act))
        return 1000 * sum(request() for _ in range(count))

    def _page_of(self, path: str):
        def get() -> float:
            began = _cpu()
            response = self.client.get(path)
            assert response.status_code == 200, (path, response.status_code)
            return _cpu() - began

        return get

    def _sign(self) -> float:
        """Return the CPU of the POST alone; its page was shown before."""
        prescription = make_ready(self.alice.provider)
        path = reverse("prescription-sign", args=[prescription.public_id])
        digest = DIGEST.search(self.client.get(path).content.decode()).group(1)
        # Nobody waits half a minute for the next code.
        self.alice.mfa_devices.update(last_step=-1, burned_step=-1)
        code = code_of(self.phone)
        data = {"password": PASSWORD, "code": code, "shown_digest": digest}
        began = _cpu()
        response = self.client.post(path, data)
        took = _cpu() - began
        assert response.status_code == 302, response.content.decode()
        return took


def _cpu() -> float:
    """Return the seconds of CPU of this process and of its database backend."""
    own = time.process_time()
    if connection.vendor != "postgresql":
        return own
    connection.ensure_connection()
    backend = connection.connection.info.backend_pid
    ran = Path(f"/proc/{backend}/schedstat").read_text().split()[0]
    return own + int(ran) / 1e9


def main() -> None:
    portal = Portal()
    for line in sys.stdin:
        act, count = line.split()
        print(portal.cpu_of(act, int(count)), flush=True)


if __name__ == "__main__":
    main()
