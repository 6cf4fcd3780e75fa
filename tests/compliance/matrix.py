"""The checklist of 21 CFR against the tests that ran."""

import json
import tomllib
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from tests.processes import ROOT

CHECKLIST = ROOT / "docs" / "compliance" / "checklist.toml"
READ = {
    "V": "the section’s own text",
    "C": "secondary sources that agree",
    "M": "from knowledge; to be read again at eCFR",
}


@dataclass
class Paragraph:
    """One line of the checklist, and how each test that carries its mark ended."""

    number: str
    requirement: str
    read: str
    code: list[str] = field(default_factory=list)
    beyond: str = ""
    untested: str = ""
    tests: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @property
    def result(self) -> str:
        outcomes = set().union(*self.tests.values()) if self.tests else set()
        if "failed" in outcomes:
            return "failed"
        if "passed" in outcomes:
            return "passed"
        return (
            "skipped" if outcomes else "no test possible" if self.untested else "none"
        )


def checklist() -> dict[str, Paragraph]:
    entries = tomllib.loads(CHECKLIST.read_text())
    return {
        number: Paragraph(number, **values | {"code": values.get("code", "").split()})
        for number, values in entries.items()
    }


def filled_in(results: list[Path]) -> tuple[dict[str, Paragraph], list[str]]:
    """Return the checklist with what the runs showed, and what is wrong with it."""
    paragraphs, problems = checklist(), []
    for path in results:
        for test, said in json.loads(path.read_text()).items():
            for number in said["cfr"]:
                if number in paragraphs:
                    name = test.partition("[")[0]
                    paragraphs[number].tests[name].add(said["outcome"])
                else:
                    problems.append(f"{test} is marked {number}: not in the checklist.")
    for one in paragraphs.values():
        problems += _problems_with(one)
    return paragraphs, sorted(set(problems))


def _problems_with(one: Paragraph) -> list[str]:
    problems = [
        f"{one.number}: {path} does not exist."
        for path in one.code
        if not (ROOT / path).exists()
    ]
    problems += [
        f"{one.number}: {test} failed."
        for test, outcomes in one.tests.items()
        if "failed" in outcomes
    ]
    if one.result == "none":
        problems.append(f"{one.number}: neither a test nor a reason why there is none.")
    if one.result == "skipped":
        problems.append(f"{one.number}: every test of it was skipped.")
    if one.tests and one.untested:
        problems.append(f"{one.number}: it has tests, and a reason why it has none.")
    return problems


def document(paragraphs: dict[str, Paragraph]) -> str:
    """Return the matrix as Markdown: the same results always give the same text."""
    passed = sum(one.result == "passed" for one in paragraphs.values())
    without = sum(bool(one.untested) for one in paragraphs.values())
    return "\n".join(
        [
            "# Compliance with 21 CFR, paragraph by paragraph",
            "",
            "Made by `make compliance` from the tests that ran; do not edit it. Requirements are in",
            "our own words: read the regulation itself before relying on a line. **Software alone",
            "cannot be compliant:** until a third party has audited a build (§1311.300), it is not",
            "for live prescribing, and refuses it.",
            "",
            f"{len(paragraphs)} paragraphs: {passed} shown by tests that pass, {without} for which no "
            "test of this software is possible, with the reason.",
            "",
            *_table(paragraphs),
            "",
            "How the requirement was read: "
            + "; ".join(f"**{key}** {meaning}" for key, meaning in READ.items())
            + ".",
            "",
            "## Tests by paragraph",
            "",
            *_tests(paragraphs),
        ]
    )


def _table(paragraphs: dict[str, Paragraph]):
    yield "| § | Requirement | Read | Code | Tests | Result | What software cannot show |"
    yield "|---|---|---|---|---|---|---|"
    for one in paragraphs.values():
        code = "<br>".join(f"`{path}`" for path in one.code) or "—"
        beyond = " ".join(filter(None, [one.untested, one.beyond])) or "—"
        yield (
            f"| {one.number} | {one.requirement} | {one.read} | {code} "
            f"| {len(one.tests) or '—'} | {one.result} | {beyond} |"
        )


def _tests(paragraphs: dict[str, Paragraph]):
    for one in paragraphs.values():
        if one.tests:
            yield f"- **{one.number}**"
            yield from (f"  - `{test}`" for test in sorted(one.tests))
    yield ""
