"""Somebody's demo phone, in a browser without JavaScript."""

import re

import requests


class Phone:
    def __init__(self, origin, reference):
        self.origin = origin
        self.path = f"/phone/{reference}/"
        self.web = requests.Session()

    @property
    def page(self):
        return self.web.get(self.origin + self.path, timeout=10).text

    def approval(self):
        """Return the address of the newest approval that is waiting, or nothing."""
        found = re.search(r'action="([^"]+/approvals/[^"]+)"', self.page)
        return found[1] if found else None

    def decide(self, decision, *, number="", at=None):
        """Press a button of the newest approval, or of the one at an address."""
        page = self.page
        at = at or re.search(r'action="([^"]+/approvals/[^"]+)"', page)[1]
        token = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', page)[1]
        return self.web.post(
            self.origin + at,
            {"decision": decision, "number": number, "csrfmiddlewaretoken": token},
            timeout=10,
        ).text
