"""The tree of errors, and how a diagnostic reads."""

from __future__ import annotations

import dataclasses
import inspect
import json
import pickle
import re

import pytest

from hpo import errors
from hpo.errors import (
    AnnotationError,
    ConfigError,
    DeviceError,
    Diagnostic,
    DiagnosticError,
    ExperimentFailed,
    HpoError,
    RelatedPlace,
    SpaceError,
    UsageError,
)

MISTAKE = Diagnostic(
    code="HPO101",
    severity="error",
    message="low is 2 and high is 1: uniform needs low < high",
    file="train.py",
    line=3,
    column=12,
    end_line=3,
    end_column=15,
    help="swap the bounds",
    source="\tlr = 0.1  # hpo: uniform(2, 1)\n",
)


class TestTree:
    def test_the_docstring_draws_the_tree_as_it_is(self) -> None:
        drawn: dict[str, str] = {}
        above: list[str] = []
        for indent, name in re.findall(r"^    ([│├└─ ]*)([A-Z]\w+)", errors.__doc__ or "", re.MULTILINE):
            above = [*above[: len(indent) // 4], name]
            if len(above) > 1:
                drawn[name] = above[-2]
        classes = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, HpoError)]
        assert drawn == {c.__name__: c.__base__.__name__ for c in classes if c is not HpoError}

    def test_the_users_mistakes_exit_with_2_and_failures_with_1(self) -> None:
        mistakes = [UsageError("x"), SpaceError("x"), DeviceError("x"), ConfigError([]), AnnotationError([])]
        assert {e.exit_code for e in mistakes} == {2}
        assert {HpoError("x").exit_code, ExperimentFailed("x").exit_code} == {1}

    def test_an_error_says_what_is_wrong_and_how_to_mend_it(self) -> None:
        error = SpaceError("lr is 5", help="choose less")
        assert (str(error), error.message, error.help) == ("lr is 5", "lr is 5", "choose less")

    @pytest.mark.parametrize(
        "error", [SpaceError("lr is 5", help="choose less"), AnnotationError([MISTAKE, MISTAKE], help="mend")]
    )
    def test_an_error_survives_the_way_from_another_process(self, error: HpoError) -> None:
        back = pickle.loads(pickle.dumps(error))
        assert (type(back), str(back), back.help) == (type(error), str(error), error.help)
        assert getattr(back, "diagnostics", None) == getattr(error, "diagnostics", None)


class TestDiagnostic:
    def test_it_reads_as_place_message_code_source_caret_and_help(self) -> None:
        assert str(MISTAKE).splitlines() == [
            "train.py:3:12: error: low is 2 and high is 1: uniform needs low < high [HPO101]",
            "     lr = 0.1  # hpo: uniform(2, 1)",
            "               ^^^",
            "  help: swap the bounds",
        ]

    def test_a_span_over_several_lines_is_underlined_to_the_end_of_the_first(self) -> None:
        several = Diagnostic("HPO1", "warning", "m", "f.py", 1, 5, 3, 2, source="lr = uniform(")
        assert str(several).splitlines()[2] == "        ^^^^^^^^^"

    def test_an_empty_span_has_a_caret_all_the_same(self) -> None:
        empty = Diagnostic("HPO1", "error", "m", "f.py", 1, 4, 1, 4, source="lr ")
        assert str(empty).splitlines()[2] == "       ^"

    def test_of_a_long_line_the_part_around_the_span_is_quoted(self) -> None:
        source = "a" * 9000 + "bad" + "c" * 9000
        long = dataclasses.replace(MISTAKE, source=source, column=9001, end_column=9004)
        quoted, carets = str(long).splitlines()[1:3]
        assert len(quoted) < 200
        assert quoted.startswith("    ...a")
        assert quoted.endswith("c...")
        assert quoted[carets.index("^") : carets.index("^") + 3] == "bad"
        assert carets.count("^") == 3

    def test_related_places_follow_as_notes(self) -> None:
        first = RelatedPlace("f.py", 1, 2, "first defined here")
        twice = Diagnostic("HPO1", "error", "m", "f.py", 5, 1, 5, 2, related=(first,))
        assert str(twice).splitlines() == ["f.py:5:1: error: m [HPO1]", "f.py:1:2: note: first defined here"]

    def test_its_json_has_the_documented_keys(self) -> None:
        documented = {
            "code",
            "severity",
            "message",
            "help",
            "file",
            "line",
            "column",
            "end_line",
            "end_column",
        }
        written = json.loads(json.dumps(MISTAKE.to_json()))
        assert written.keys() >= documented
        assert (written["line"], written["end_column"], written["help"]) == (3, 15, "swap the bounds")

    def test_an_error_carries_all_and_reads_as_all(self) -> None:
        error = DiagnosticError([MISTAKE, MISTAKE])
        assert error.diagnostics == (MISTAKE, MISTAKE)
        assert str(error).count("train.py:3:12: error:") == 2
