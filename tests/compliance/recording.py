"""What the tests that ran have shown of 21 CFR: one file for each run.

A run writes it when COMPLIANCE_RESULTS names the file; with xdist the controller does.
"""

import json
import os
from pathlib import Path

_ended: dict[str, dict] = {}


def pytest_collection_modifyitems(items):
    for item in items:
        marks = item.iter_markers("cfr")
        paragraphs = sorted({number for mark in marks for number in mark.args})
        if paragraphs:
            item.user_properties.append(("cfr", paragraphs))


def pytest_runtest_logreport(report):
    paragraphs = dict(report.user_properties).get("cfr")
    if not paragraphs:
        return
    test = _ended.setdefault(report.nodeid, {"cfr": paragraphs, "outcome": "passed"})
    if report.outcome != "passed":
        test["outcome"] = report.outcome


def pytest_sessionfinish(session):
    path = os.environ.get("COMPLIANCE_RESULTS")
    if path and not hasattr(session.config, "workerinput"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(json.dumps(_ended, indent=0, sort_keys=True))
