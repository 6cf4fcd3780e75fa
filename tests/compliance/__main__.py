"""Turn what the tests showed into docs/compliance.md: `make compliance`.

With --check it writes nothing and is silent when all is well. Where nothing is skipped, in
CI, the document has to say what the tests have shown, once the slow ones have run too.
"""

import argparse
import os
import sys

from tests.compliance import matrix
from tests.processes import ROOT

RESULTS = ROOT / "var" / "compliance"
SLOW = RESULTS / "slow-sqlite.json"
DOCUMENT = ROOT / "docs" / "compliance.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.compliance")
    parser.add_argument("--check", action="store_true")
    only_check = parser.parse_args().check
    results = sorted(RESULTS.glob("*.json"))
    if not results:
        print("No test has left a result. Run `make test-all` first.", file=sys.stderr)
        return 1
    paragraphs, problems = matrix.filled_in(results)
    said = matrix.document(paragraphs)
    if os.environ.get("CI") != "true":  # what is not installed is skipped
        problems = [one for one in problems if not one.endswith("was skipped.")]
    elif only_check and SLOW.exists() and DOCUMENT.read_text() != said:
        problems.append("docs/compliance.md says otherwise: run `make compliance`.")
    for problem in problems:
        print(problem, file=sys.stderr)
    if not only_check:
        DOCUMENT.write_text(said)
        print(f"Written: {DOCUMENT.relative_to(ROOT)}")
    return 1 if problems else 0


sys.exit(main())
