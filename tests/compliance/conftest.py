import json
import os
import subprocess
import sys
import textwrap

import pytest

from tests.processes import ROOT


@pytest.fixture
def pytester_of_our_own(tmp_path):
    """A function that runs a file of tests elsewhere and returns what was recorded."""

    def run(source):
        (tmp_path / "test_here.py").write_text(textwrap.dedent(source))
        (tmp_path / "conftest.py").write_text(
            "from tests.compliance.recording import *\n"
        )
        (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = cfr(paragraph)\n")
        results = tmp_path / "results.json"
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:django", "-n", "1"],
            cwd=tmp_path,
            env=os.environ
            | {"COMPLIANCE_RESULTS": str(results), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=False,
        )
        return json.loads(results.read_text())

    return run
