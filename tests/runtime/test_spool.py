"""Reports are read from a trial's spool, whole lines only, and nothing in it can break the reader."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from hpo.runtime.spool import Bad, Final, Intermediate, Own, Warned, read_spool


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
