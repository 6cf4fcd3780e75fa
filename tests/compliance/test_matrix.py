"""The matrix says what ran, and finds what is missing."""

import json

import pytest

from tests.compliance import matrix


@pytest.fixture
def results(tmp_path):
    def write(name="sqlite.json", **tests):
        path = tmp_path / name
        path.write_text(json.dumps(tests))
        return path

    return write


def marked(paragraph, outcome="passed"):
    return {"cfr": [paragraph], "outcome": outcome}


def about(problems, paragraph):
    return [problem for problem in problems if problem.startswith(f"{paragraph}:")]


def test_a_paragraph_with_a_passing_test_is_shown(results):
    run = results(**{"tests/test_a.py::test_one[x]": marked("1311.140(b)")})

    paragraphs, problems = matrix.filled_in([run])

    assert paragraphs["1311.140(b)"].result == "passed"
    assert not about(problems, "1311.140(b)")
    assert "  - `tests/test_a.py::test_one`" in matrix.document(paragraphs)


def test_a_paragraph_with_neither_test_nor_reason_is_named(results):
    _, problems = matrix.filled_in([results()])

    assert about(problems, "1311.140(b)") == [
        "1311.140(b): neither a test nor a reason why there is none."
    ]


def test_one_failure_on_one_database_is_a_failure(results):
    runs = [
        results(one=marked("1311.140(b)")),
        results("postgresql.json", one=marked("1311.140(b)", "failed")),
    ]

    paragraphs, problems = matrix.filled_in(runs)

    assert paragraphs["1311.140(b)"].result == "failed"
    assert "1311.140(b): one failed." in problems


def test_a_test_that_was_skipped_shows_nothing(results):
    paragraphs, problems = matrix.filled_in(
        [results(one=marked("1311.140(b)", "skipped"))]
    )

    assert paragraphs["1311.140(b)"].result == "skipped"
    assert about(problems, "1311.140(b)")


def test_a_mark_that_the_checklist_does_not_know_is_named(results):
    _, problems = matrix.filled_in([results(one=marked("1311.999(z)"))])

    assert "one is marked 1311.999(z): not in the checklist." in problems


def test_the_checklist_has_every_section_on_the_side_of_the_prescriber():
    sections = {number.partition("(")[0] for number in matrix.checklist()}

    prescribers = [*range(100, 151, 5), 102, 116, 170, 300, 302, 305]
    assert sections >= {f"1311.{section}" for section in prescribers}


def test_every_line_is_complete_and_names_code_that_exists():
    for one in matrix.checklist().values():
        assert one.read in matrix.READ
        assert one.requirement.endswith(".")
        assert one.code or one.untested
        assert all((matrix.ROOT / path).exists() for path in one.code)


def test_a_run_records_marks_and_outcomes(pytester_of_our_own):
    said = pytester_of_our_own(
        """
        import pytest

        pytestmark = pytest.mark.cfr("1311.1")

        @pytest.mark.cfr("1311.2", "1311.3")
        @pytest.mark.parametrize("n", [1, 2])
        def test_fails_once(n):
            assert n == 1

        def test_is_skipped():
            pytest.skip()
        """
    )

    assert {name.rpartition("::")[2]: one for name, one in said.items()} == {
        "test_fails_once[1]": {
            "cfr": ["1311.1", "1311.2", "1311.3"],
            "outcome": "passed",
        },
        "test_fails_once[2]": {
            "cfr": ["1311.1", "1311.2", "1311.3"],
            "outcome": "failed",
        },
        "test_is_skipped": {"cfr": ["1311.1"], "outcome": "skipped"},
    }
