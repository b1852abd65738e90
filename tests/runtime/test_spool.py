"""Reports are read from a trial's spool, whole lines only, and nothing in it can break the reader."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.runtime.spool import Bad, Final, Fold, Intermediate, Own, Warned, read_spool
from hpo.runtime.store import Store
from hpo.trial import Trial


def lines(*records: object) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def read(path: Path, offset: int = 0) -> list[object]:
    return [report for report, _ in read_spool(path, offset)]


def test_a_spool_that_is_not_there_has_no_reports(tmp_path: Path) -> None:
    assert read(tmp_path / "metrics.jsonl") == []


def test_reports_come_in_order_each_with_the_offset_after_it(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(
        lines(
            {"type": "intermediate", "step": 0, "value": 0.5, "time": 1.0},
            {"type": "final", "value": 1, "data": {"default": 1, "loss": 2}, "time": 2.0},
            {"type": "own", "name": "width", "value": 64},
        )
    )
    found = list(read_spool(path, 0))
    assert [report for report, _ in found] == [
        Intermediate(0, 0.5, None, None, 1.0),
        Final(1.0, {"default": 1, "loss": 2}, 2.0),
        Own("width", 64),
    ]
    assert found[-1][1] == path.stat().st_size
    assert read(path, found[0][1]) == [report for report, _ in found[1:]]


def test_a_line_counts_once_its_newline_is_there(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    whole = lines({"type": "final", "value": 1, "time": 0})
    path.write_bytes(whole[:-1])
    assert read(path) == []
    path.write_bytes(whole)
    assert read(path) == [Final(1.0, None, 0.0)]


def test_a_final_result_that_is_no_finite_number_is_bad(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"type": "final", "value": NaN}\n' + lines({"type": "final", "value": "0.5"}))
    assert [type(report) for report in read(path)] == [Bad, Bad]


@given(st.binary(max_size=300))
def test_no_bytes_whatever_break_the_reader(tmp_path_factory: object, data: bytes) -> None:
    path = tmp_path_factory.mktemp("spool") / "metrics.jsonl"  # type: ignore[attr-defined]
    path.write_bytes(data + b"\n" + lines({"type": "final", "value": 7, "time": 0}))
    assert read(path)[-1] == Final(7.0, None, 0.0)


def test_json_that_is_no_report_is_passed_over_and_said(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(
        lines([], 3, {"type": "final"}, {"type": "x"}, {"type": "intermediate", "value": 1, "step": 10**30})
        + b'{"type": "final", "value": 1e999999, "time": "soon"}\n'
    )
    assert all(isinstance(report, Warned) for report in read(path))


NESTED = b'{"type": "final", "value": 1, "data": {"default": ' + b"[" * 500 + b"]" * 500 + b"}}\n"


@pytest.mark.parametrize(
    "line",
    [
        b'{"type": "intermediate", "step": 0, "value": 1, "time": NaN}\n',
        b'{"type": "intermediate", "step": 0, "value": 1, "time": 1e300}\n',
        b'{"type": "warning", "message": "\xed\xa0\x80"}\n',  # a surrogate, which json lets pass
        b'{"type": "own", "name": "x", "value": [1, {"a": 2}]}\n',
        b'{"type": "final", "value": 1, "data": {"default": 1, "n": 1' + b"0" * 5000 + b"}}\n",
        NESTED,
        b"[" * 100_000 + b"\n",
    ],
)
def test_a_line_that_nobody_could_store_or_read_again_is_passed_over(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(line + lines({"type": "final", "value": 7, "time": 0}))
    refused, final = read(path)
    assert isinstance(refused, Warned)
    assert len(refused.message) < 600
    assert final == Final(7.0, None, 0.0)


def test_numbers_and_texts_come_as_a_database_can_hold_them(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(
        lines(
            {"type": "intermediate", "step": 0, "value": 10**20, "data": {"\ud800": "caf\udce9", "n": 10**20}}
        )
        + lines({"type": "final", "value": 10**400})
        + lines({"type": "own", "name": "x", "value": float("nan")}, {"type": "warning", "message": "\ud800"})
    )
    assert read(path) == [
        Intermediate(0, 1e20, None, {"\\ud800": "caf\\udce9", "n": 1e20}, 0.0),
        Bad(f"1{'0' * 400} is no finite number", 0.0),
        Own("x", "nan"),
        Warned("\\ud800"),
    ]
    for value in read(path)[0].__dict__.values():
        json.dumps(value, ensure_ascii=False).encode()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["intermediate", "final", "own", "warning"])},
        optional=dict.fromkeys(["value", "step", "time", "bad", "name", "message"], json_values)
        | {"data": st.dictionaries(st.text(st.characters()), json_values, max_size=3)},
    )
)
def test_whatever_a_line_says_the_store_takes_it(store: Store, record: dict[str, Any]) -> None:
    path = store.directory / "metrics.jsonl"
    path.write_bytes(lines(record))
    (report,) = read(path)
    with store.transaction():
        match report:
            case Intermediate():
                store.add_metrics(0, [(store.last_sequence(0), report)])
            case Final():
                store.set_value(0, report.value, report.data)
            case Own():
                store.set_parameters(0, {report.name: report.value})
            case Bad(reason=text) | Warned(message=text):
                store.add_event("warning", text, 0)
    trial = store.trial(0)
    assert trial is not None
    json.dumps(trial.parameters, allow_nan=False)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    about: dict[str, Any] = {"config": {}, "space": {}, "defaults": {}}
    folder = tmp_path_factory.mktemp("experiment")
    made = Store.create(folder, id="x", name="x", direction="maximize", **about)
    with made.transaction():
        made.add_trial(Trial(0, {}), "baseline")
    yield made
    made.close()


def link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def link_to_a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, link_to_itself, link_to_a_device])
def test_what_is_no_plain_file_is_said_and_never_waited_for(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "metrics.jsonl"
    make(path)
    assert list(read_spool(path, 5)) == [(Warned("metrics.jsonl cannot be read: it is no plain file"), 5)]


def test_what_is_written_while_it_is_read_comes_at_the_next_look(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    line = lines({"type": "final", "value": 1, "time": 0})
    path.write_bytes(line)
    for count, _ in enumerate(read_spool(path, 0), start=1):
        assert count == 1
        with path.open("ab") as file:
            file.write(line)
    assert len(read(path, len(line))) == 1


def test_a_hole_of_a_terabyte_is_passed_over_at_once(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with path.open("ab") as file:
        file.write(b"\n" + lines({"type": "final", "value": 1, "time": 0}))
    assert read(path)[-1] == Final(1.0, None, 0.0)


def test_a_late_line_of_another_attempt_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    final = {"type": "final", "value": 1, "time": 0}
    path.write_bytes(lines({**final, "attempt": 1}, {**final, "attempt": 2}, final))
    late, *others = [report for report, _ in read_spool(path, 0, 2)]
    assert isinstance(late, Warned)
    assert "another attempt" in late.message
    assert others == [Final(1.0, None, 0.0)] * 2


def test_folds_are_read_and_one_without_a_number_says_what_it_was(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(
        lines(
            {"type": "fold", "value": 0.5, "data": {"default": 0.5}, "time": 1},
            {"type": "fold", "value": None, "bad": "the words of the trial"},
            {"type": "intermediate", "step": -3, "value": True},
        )
    )
    assert read(path) == [
        Fold(0.5, None, {"default": 0.5}, 1.0),
        Fold(None, "the words of the trial", None, 0.0),
        Intermediate(-3, None, "True is no finite number", None, 0.0),
    ]


def test_blank_lines_are_nothing(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b"\n  \n" + lines({"type": "final", "value": 1}) + b"\n")
    assert read(path) == [Final(1.0, None, 0.0)]


def test_megabytes_of_reports_are_all_there_wherever_reading_begins(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    data = {"default": 0, "text": "x" * 900}
    path.write_bytes(
        lines(*({"type": "intermediate", "step": i, "value": i, "data": data} for i in range(3000)))
    )
    found = list(read_spool(path, 0))
    assert [report.step for report, _ in found if isinstance(report, Intermediate)] == list(range(3000))
    for at in (0, 1100, 2998):
        assert list(read_spool(path, found[at][1])) == found[at + 1 :]


def test_a_line_without_end_is_passed_over_and_what_follows_is_read(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with path.open("wb") as file:
        file.write(b"x" * (3 << 20))
    warning, offset = list(read_spool(path, 0))[-1]
    assert isinstance(warning, Warned)
    assert "of more than 1048576 bytes was passed over" in warning.message
    with path.open("ab") as file:
        file.write(b"\n" + lines({"type": "final", "value": 1}))
    assert read(path, offset)[-1] == Final(1.0, None, 0.0)


def test_what_is_at_the_limits_is_taken_and_what_is_beyond_is_not(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    largest = 2**63 - 1
    path.write_bytes(
        lines(
            {"type": "intermediate", "step": largest, "value": 1, "data": {"n": largest, "m": largest + 1}},
            {"type": "intermediate", "step": largest + 1, "value": 1},
            {"type": "intermediate", "step": 0, "value": 1, "time": 253402300799},
            {"type": "intermediate", "step": 0, "value": 1, "time": 253402300800},
            {"type": "intermediate", "step": 0, "value": 1, "time": -1},
            {"type": "final", "value": 1, "data": [1]},
            {"type": "warning", "message": "x" * 500},
            {"type": "warning", "message": "x" * 501},
        )
    )
    first, *others = read(path)
    assert isinstance(first, Intermediate)
    assert first.data is not None
    assert first == Intermediate(largest, 1.0, None, {"n": largest, "m": 2.0**63}, 0.0)
    assert [type(value) for value in first.data.values()] == [int, float]
    words = ["step is too large", "", "time is 253402300800.0", "time is -1.0", "data is no object"]
    for report, word in zip(others, words, strict=False):
        assert isinstance(report, Warned if word else Intermediate)
        assert word in str(report)
    assert others[-2:] == [Warned("x" * 500), Warned("x" * 497 + "...")]


@pytest.mark.parametrize(("levels", "is_taken"), [(98, True), (110, False)])
def test_a_result_may_be_deep_but_not_without_end(tmp_path: Path, levels: int, is_taken: bool) -> None:
    path = tmp_path / "metrics.jsonl"
    deep = json.loads("[" * levels + "]" * levels)
    path.write_bytes(lines({"type": "final", "value": 1, "data": {"default": 1, "deep": deep}}))
    (report,) = read(path)
    assert isinstance(report, Final if is_taken else Warned)


def test_an_own_value_may_be_a_list(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(lines({"type": "own", "name": "x", "value": [1, "a", None]}))
    assert read(path) == [Own("x", [1, "a", None])]
