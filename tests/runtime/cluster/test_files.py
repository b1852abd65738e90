"""A trial's files on their way between its node and its folder beside the store."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hpo.runtime.cluster.files import Incoming, Outgoing, beginning, unpack


@pytest.fixture
def there(tmp_path: Path) -> Path:
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


@pytest.fixture
def here(tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


def send(outgoing: Outgoing, incoming: Incoming, *, finished: bool = True) -> list[Mapping[str, Any]]:
    parts = [*outgoing.logs(), *outgoing.files(finished=finished)]
    for part in parts:
        incoming.take(part)
    return parts


def contents(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


class TestLogs:
    def test_what_is_appended_arrives_in_its_order_and_once(self, there: Path, here: Path) -> None:
        outgoing, incoming = Outgoing(there), Incoming(here)
        for words in (b"one\n", b"two\n", b"three\n"):
            for name in ("metrics.jsonl", "stdout.log", "stderr.log"):
                with (there / name).open("ab") as file:
                    file.write(words)
            send(outgoing, incoming)
        assert contents(here) == contents(there)

    def test_a_report_goes_when_its_line_is_whole_and_output_at_once(self, there: Path, here: Path) -> None:
        (there / "metrics.jsonl").write_bytes(b'{"type": "fin')
        (there / "stdout.log").write_bytes(b"no newline")
        send(Outgoing(there), Incoming(here))
        assert contents(here) == {"stdout.log": b"no newline"}

    def test_only_a_report_is_told_as_one(self, here: Path) -> None:
        incoming = Incoming(here)
        assert incoming.take({"log": "metrics.jsonl", "data": b"{}\n"})
        assert not incoming.take({"log": "stdout.log", "data": b"x"})

    def test_another_runner_goes_on_where_the_first_one_stood(self, there: Path, here: Path) -> None:
        (there / "metrics.jsonl").write_bytes(b"1\n")
        send(Outgoing(there), Incoming(here))
        (there / "metrics.jsonl").write_bytes(b"1\n2\n")
        (there / "model").write_bytes(b"weights")
        incoming = Incoming(here)
        send(Outgoing(there, incoming.offsets()), incoming)
        assert contents(here) == {"metrics.jsonl": b"1\n2\n", "model": b"weights"}

    def test_a_pipe_or_a_link_in_the_place_of_a_log_keeps_nobody_waiting(
        self, there: Path, here: Path
    ) -> None:
        os.mkfifo(there / "stdout.log")
        (there / "stderr.log").symlink_to("/dev/zero")
        (there / "model").symlink_to("/etc/passwd")
        send(Outgoing(there), Incoming(here))
        assert contents(here) == {}


class TestFiles:
    @given(st.dictionaries(st.sampled_from(["a", "b/c", "b/d/e", "f.pt"]), st.binary(max_size=40)))
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_a_folder_arrives_as_it_is(
        self, tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
    ) -> None:
        there, here, back = (tmp_path_factory.mktemp(name) for name in ("there", "here", "back"))
        outgoing = Outgoing(there)
        unpack(there, list(files.items()))
        send(outgoing, Incoming(here))
        incoming = Incoming(back)
        for part in beginning(here):
            incoming.take(part)
        assert contents(here) == contents(back) == files

    def test_one_that_is_gone_before_it_was_listed_is_gone_here_too(self, here: Path) -> None:
        incoming = Incoming(here)
        incoming.take({"file": "epoch", "at": 0, "data": b"7", "last": True})
        incoming.take({"files": []})
        assert contents(here) == {}

    def test_a_large_one_comes_in_parts_and_appears_when_it_is_whole(self, there: Path, here: Path) -> None:
        outgoing, incoming = Outgoing(there), Incoming(here)
        data = os.urandom(5 << 19)
        (there / "model").write_bytes(data)
        *parts, last, _ = outgoing.files(finished=True)
        for part in parts:
            incoming.take(part)
            assert not (here / "model").exists()
        incoming.take(last)
        assert (here / "model").read_bytes() == data

    def test_one_of_the_longest_name_arrives(self, there: Path, here: Path) -> None:
        outgoing = Outgoing(there)
        (there / ("a" * 255)).write_bytes(b"weights")
        send(outgoing, Incoming(here))
        assert contents(here) == contents(there)

    def test_of_one_whose_node_died_nothing_is_left_in_the_next_attempt(
        self, there: Path, here: Path
    ) -> None:
        outgoing = Outgoing(there)
        (there / "model").write_bytes(b"0" * (5 << 19))
        first, *_ = outgoing.files(finished=True)
        Incoming(here).take(first)
        assert len(contents(here)) == 1
        Incoming(here)
        assert contents(here) == {}

    def test_one_that_could_not_be_read_to_its_end_is_sent_again_from_its_beginning(
        self, there: Path, here: Path
    ) -> None:
        outgoing, incoming = Outgoing(there), Incoming(here)
        (there / "model").write_bytes(b"0" * (5 << 19))
        incoming.take(next(outgoing.files(finished=True)))
        send(outgoing, incoming)
        assert contents(here) == contents(there)

    def test_the_one_that_was_written_last_comes_last(self, there: Path) -> None:
        outgoing = Outgoing(there)
        names = ["z", "a", "sub/m", "complete"]
        for second, name in enumerate(names):
            (there / name).parent.mkdir(exist_ok=True)
            (there / name).touch()
            os.utime(there / name, (second, second))
        assert [part["file"] for part in outgoing.files(finished=True) if "file" in part] == names

    def test_a_file_may_become_a_folder_and_a_folder_a_file(self, there: Path, here: Path) -> None:
        outgoing, incoming = Outgoing(there), Incoming(here)
        unpack(there, [("best", b"1"), ("all/of/it", b"2")])
        send(outgoing, incoming)
        (there / "best").unlink()
        shutil.rmtree(there / "all")
        unpack(there, [("best/of/it", b"3"), ("all", b"4")])
        send(outgoing, incoming)
        assert contents(here) == {"best/of/it": b"3", "all": b"4"}

    def test_one_that_is_being_written_is_not_sent(self, there: Path, here: Path) -> None:
        outgoing, incoming = Outgoing(there), Incoming(here)
        for length in (1, 2):
            (there / "model").write_bytes(b"x" * length)
            assert not send(outgoing, incoming, finished=False)
        send(outgoing, incoming, finished=False)
        assert contents(here) == {"model": b"xx"}

    def test_one_that_was_removed_goes_here_too(self, there: Path, here: Path) -> None:
        outgoing, incoming = Outgoing(there), Incoming(here)
        (there / "epoch1").touch()
        send(outgoing, incoming)
        (there / "epoch1").rename(there / "epoch2")
        send(outgoing, incoming)
        assert contents(here).keys() == {"epoch2"}

    def test_what_the_trial_began_with_is_not_sent_back(self, there: Path, here: Path) -> None:
        (there / "checkpoint").write_bytes(b"of the trial before")
        (there / "parameters.json").write_text("{}")
        (part,) = Outgoing(there).files(finished=True)
        assert part == {"files": ["checkpoint"]}

    def test_its_values_travel_with_it(self, there: Path, here: Path) -> None:
        (here / "parameters.json").write_text('{"lr": 0.1}')
        (here / "stdout.log").write_text("of an earlier attempt")
        incoming = Incoming(there)
        for part in beginning(here):
            incoming.take(part)
        assert contents(there) == {"parameters.json": b'{"lr": 0.1}'}

    @pytest.mark.parametrize("name", ["../escaped", "/etc/hpo", "a/../../escaped", ".."])
    def test_no_name_leads_out_of_the_folder(self, here: Path, name: str) -> None:
        with pytest.raises(ValueError, match="no path inside"):
            Incoming(here).take({"file": name, "at": 0, "data": b"x", "last": True})

    def test_no_link_leads_out_of_the_folder(self, here: Path, tmp_path: Path) -> None:
        (here / "away").symlink_to(tmp_path)
        with pytest.raises(ValueError, match="leads out"):
            Incoming(here).take({"file": "away/x", "at": 0, "data": b"x", "last": True})

    def test_nothing_but_a_log_is_appended_to(self, here: Path) -> None:
        with pytest.raises(ValueError, match="no log"):
            Incoming(here).take({"log": "parameters.json", "data": b"x"})
