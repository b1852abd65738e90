"""The API inside a trial, in processes of its own, as scripts call it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from hpo.runtime.spool import Bad, Final, Intermediate, Warned, read_spool
from hpo.trial import Metric, Trial, TrialState


class Folder:
    """A trial's folder, and processes that are that trial."""

    def __init__(self, root: Path, parameters: dict[str, Any]) -> None:
        self.path = root / "trials" / "0"
        self.path.mkdir(parents=True)
        self.parameters = self.path / "parameters.json"
        self.parameters.write_text(json.dumps(parameters))
        self.wake = root / "wake"
        os.mkfifo(self.wake)

    def environment(self, **more: str) -> dict[str, str]:
        return {
            **outside(),
            "HPO_EXPERIMENT_ID": "quiet-otter",
            "HPO_TRIAL_ID": "quiet-otter-0",
            "HPO_TRIAL_SEQUENCE": "7",
            "HPO_TRIAL_DIR": str(self.path),
            "HPO_PARAMETERS": str(self.parameters),
            **more,
        }

    def run(self, code: str, **more: str) -> subprocess.CompletedProcess[str]:
        return python(code, self.environment(**more))

    def lines(self) -> list[dict[str, Any]]:
        text = (self.path / "metrics.jsonl").read_text()
        assert text.endswith("\n")
        lines = filter(None, text.split("\n"))  # of several that write at once one may begin anew
        return [json.loads(line, parse_constant=pytest.fail) for line in lines]


def outside() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("HPO_") and k != "RANK"}


def python(code: str, environment: dict[str, str], **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path, {"lr": 0.1, "optimizer": "sgd"})


class TestInside:
    def test_a_trial_gets_its_values_and_its_names(self, folder: Folder) -> None:
        done = folder.run(
            """
            import hpo, json
            print(json.dumps([hpo.get_next_parameter(), hpo.get_experiment_id(), hpo.get_trial_id(),
                              hpo.get_sequence_id(), str(hpo.trial_dir())]))
            """
        )
        values = {"lr": 0.1, "optimizer": "sgd"}
        assert json.loads(done.stdout) == [values, "quiet-otter", "quiet-otter-0", 7, str(folder.path)]
        assert done.stderr == ""

    def test_changing_the_values_it_got_changes_nothing(self, folder: Folder) -> None:
        done = folder.run(
            "import hpo; hpo.get_next_parameter().clear(); print(hpo.get_next_parameter()['lr'])"
        )
        assert done.stdout == "0.1\n"

    def test_nested_choices_come_nested(self, folder: Folder) -> None:
        (folder.path / "nested.json").write_text('{"net": {"_name": "conv", "size": 3}}')
        done = folder.run("import hpo; print(hpo.get_next_parameter())")
        assert done.stdout == "{'net': {'_name': 'conv', 'size': 3}}\n"

    def test_a_report_is_whole_where_another_process_left_a_part_of_one(self, folder: Folder) -> None:
        """A full disk took a part of its line, and then it was killed: a child of the trial, say."""
        (folder.path / "metrics.jsonl").write_bytes(b'{"type": "interm')
        folder.run(
            """
            import hpo, os
            hpo.report_intermediate_result(0.5)
            with open(os.path.join(os.environ["HPO_TRIAL_DIR"], "metrics.jsonl"), "ab") as spool:
                spool.write(b"[" * 5000)
            hpo.report_final_result(0.7)
            """
        )
        reports = [report for report, _ in read_spool(folder.path / "metrics.jsonl", 0)]
        assert [type(report) for report in reports] == [Warned, Intermediate, Warned, Final]

    def test_each_report_appends_one_line(self, folder: Folder) -> None:
        folder.run(
            """
            import hpo
            hpo.report_intermediate_result(0.5)
            hpo.report_intermediate_result(0.6)
            hpo.report_final_result(0.7)
            """
        )
        lines = folder.lines()
        assert [(x["type"], x.get("step"), x["value"]) for x in lines] == [
            ("intermediate", 0, 0.5),
            ("intermediate", 1, 0.6),
            ("final", None, 0.7),
        ]
        assert all(x["time"] > 1.6e9 for x in lines)

    def test_counting_goes_on_from_a_step_that_was_given(self, folder: Folder) -> None:
        folder.run(
            """
            import hpo
            hpo.report_intermediate_result(0.5, step=10)
            hpo.report_intermediate_result(0.6)
            """
        )
        assert [x["step"] for x in folder.lines()] == [10, 11]

    def test_a_step_that_is_no_number_is_an_error_that_says_so(self, folder: Folder) -> None:
        done = folder.run(
            """
            import hpo
            for step in ("first", None, float("nan"), [1]):
                try:
                    hpo.report_intermediate_result(0.5, step=step)
                except ValueError as error:
                    print(error)
            """
        )
        assert done.stdout.splitlines() == [
            f"step is {shown}, and a step is a whole number" for shown in ("'first'", "nan", "[1]")
        ]

    def test_a_line_is_there_when_the_report_returns_even_if_the_process_is_killed_then(
        self, folder: Folder
    ) -> None:
        code = "import hpo, os; hpo.report_final_result(1); os.kill(os.getpid(), 9)"
        subprocess.run([sys.executable, "-c", code], env=folder.environment(), check=False)
        assert [x["value"] for x in folder.lines()] == [1.0]

    def test_the_runner_is_woken_with_the_number_of_the_trial(self, folder: Folder) -> None:
        reader = os.open(folder.wake, os.O_RDONLY | os.O_NONBLOCK)
        folder.run("import hpo; hpo.report_intermediate_result(1); hpo.report_final_result(1)")
        assert os.read(reader, 100) == b"7\n7\n"
        os.close(reader)

    def test_a_runner_that_does_not_listen_stops_no_trial(self, folder: Folder) -> None:
        reader = os.open(folder.wake, os.O_RDONLY | os.O_NONBLOCK)  # and never reads: the pipe fills up
        folder.run(
            "import hpo\nfor i in range(50_000): hpo.report_intermediate_result(i)", HPO_TRIAL_SEQUENCE="1"
        )
        os.close(reader)
        assert len(folder.lines()) == 50_000

    def test_the_first_worker_of_a_distributed_run_speaks_for_all(self, folder: Folder) -> None:
        for rank in ("1", "0", "2"):
            folder.run(f"import hpo; hpo.report_final_result({rank})", RANK=rank)
        assert [x["value"] for x in folder.lines()] == [0.0]


class TestManyAtOnce:
    def test_threads_lose_nothing(self, folder: Folder) -> None:
        folder.run(
            """
            import hpo, threading
            report = lambda i: [hpo.report_intermediate_result(1000 * i + n, step=n) for n in range(500)]
            threads = [threading.Thread(target=report, args=(i,)) for i in range(8)]
            [t.start() for t in threads]; [t.join() for t in threads]
            """
        )
        expected = {(n, 1000.0 * i + n) for i in range(8) for n in range(500)}
        lines = folder.lines()
        assert len(lines) == 4000
        assert {(x["step"], x["value"]) for x in lines} == expected

    def test_processes_of_one_trial_lose_nothing(self, folder: Folder) -> None:
        code = (
            "import hpo, sys; [hpo.report_intermediate_result(n, step=int(sys.argv[1])) for n in range(500)]"
        )
        command = [sys.executable, "-c", code]
        running = [subprocess.Popen([*command, str(i)], env=folder.environment()) for i in range(6)]
        assert [p.wait() for p in running] == [0] * 6
        expected = {(i, float(n)) for i in range(6) for n in range(500)}
        lines = folder.lines()
        assert len(lines) == 3000
        assert {(x["step"], x["value"]) for x in lines} == expected


class TestValues:
    @pytest.mark.parametrize(
        ("written", "number"),
        [
            ("0.5", 0.5),
            ("3", 3.0),
            ("np.float32(0.5)", 0.5),
            ("np.int64(3)", 3.0),
            ("np.array(0.5)", 0.5),
            ("np.array([0.5])", 0.5),
            ("fractions.Fraction(1, 2)", 0.5),
            ("decimal.Decimal('0.5')", 0.5),
            ("{'default': np.float64(0.5), 'loss': 2}", 0.5),
        ],
    )
    def test_a_number_in_any_form_is_a_result(self, folder: Folder, written: str, number: float) -> None:
        folder.run(f"import decimal, fractions, hpo, numpy as np; hpo.report_final_result({written})")
        (line,) = folder.lines()
        assert line["value"] == number
        assert "bad" not in line

    @pytest.mark.parametrize(
        ("written", "reason"),
        [
            ("float('nan')", "nan is no finite number"),
            ("-float('inf')", "-inf is no finite number"),
            ("'0.5'", "'0.5' is no number"),
            ("None", "None is no number"),
            ("True", "True is no number"),
            ("b'1'", "b'1' is no number"),
            ("1j", "1j is no number"),
            ("[0.5]", "[0.5] is no number"),
            ("10**400", "is too large"),
            ("np.array([1, 2])", "array([1, 2]) is no number"),
            ("{'acc': 1}", "a dict of results needs the key 'default', and has ['acc']"),
            ("{'default': {'default': 1}}", "{'default': 1} is no number"),
            ("'x' * 1000", "xxx... is no number"),
        ],
    )
    def test_what_is_none_is_recorded_with_the_reason_and_stops_no_script(
        self, folder: Folder, written: str, reason: str
    ) -> None:
        folder.run(f"import hpo, numpy as np; hpo.report_final_result({written})")
        (line,) = folder.lines()
        assert line["value"] is None
        assert reason in line["bad"]
        assert len(line["bad"]) < 120

    def test_what_no_reader_could_take_costs_no_result(self, folder: Folder) -> None:
        folder.run(
            """
            import os, hpo
            deep = []
            for _ in range(900): deep = [deep]
            endless = {"default": 1.0}
            endless["itself"] = endless
            hpo.report_intermediate_result({"default": 1, "n": 10**5000, 10**5000: os.fsdecode(b"caf\\xe9")})
            hpo.report_intermediate_result({"default": 2, "deep": deep})
            hpo.report_intermediate_result(endless)
            hpo.report_intermediate_result({"default": 4, "text": "x" * 2_000_000})
            hpo.report_intermediate_result(10**5000)
            hpo.report_final_result({10**5000: 1})
            """
        )
        reports = [report for report, _ in read_spool(folder.path / "metrics.jsonl", 0)]
        results = [report for report in reports if isinstance(report, Intermediate)]
        assert [result.value for result in results] == [1.0, 2.0, 1.0, 4.0, None]
        assert results[0].data is not None
        assert results[0].data["n"].startswith("int that cannot be written")
        assert "caf\\udce9" in results[0].data.values()
        assert isinstance(reports[3], Warned)
        assert "recorded without what came with it" in reports[3].message
        assert isinstance(reports[-1], Bad)

    def test_a_dict_is_kept_whole_as_strict_json(self, folder: Folder) -> None:
        folder.run(
            """
            import hpo, numpy as np
            hpo.report_final_result({
                "default": 0.5, "loss": float("nan"), "per_class": [1, np.float32(0.5), float("inf")],
                3: "x", "confusion": {(0, 1): 7, "ok": None}, "set": {1},
            })
            """
        )
        (line,) = folder.lines()
        assert line["data"] == {
            "default": 0.5,
            "loss": "nan",
            "per_class": [1, 0.5, "inf"],
            "3": "x",
            "confusion": {"(0, 1)": 7, "ok": None},
            "set": "{1}",
        }


class TestOutside:
    def test_every_call_is_harmless_and_one_line_says_so(self, tmp_path: Path) -> None:
        done = python(
            """
            import hpo
            for _ in range(3):
                hpo.report_intermediate_result(0.5)
                hpo.report_final_result("no number, and nobody minds")
            print([hpo.get_next_parameter(), hpo.get_experiment_id(), hpo.get_trial_id(),
                   hpo.get_sequence_id(), str(hpo.trial_dir())])
            """,
            outside(),
            cwd=tmp_path,
        )
        assert done.stdout == "[{}, 'STANDALONE', 'STANDALONE', 0, '.']\n"
        assert done.stderr.count("no experiment is running here") == 1
        assert done.stderr.count("\n") == 1
        assert list(tmp_path.iterdir()) == []

    def test_importing_alone_says_nothing(self) -> None:
        assert python("import hpo", outside()).stderr == ""


class TestRewrittenScripts:
    """What the parameterised text of a marked script calls."""

    CODE = """
        from hpo.trial import given, own, picked, value
        for _ in range(2):
            print([value(n) if given(n) else own(n, seen) for n, seen in (("lr", 0.5), ("width", (64,)))],
                  picked("optimizer", "sgd"), picked("optimizer", "adam"), picked("lr", True))
        """

    def test_a_value_of_the_trial_stands_in_for_the_sources_own(self, folder: Folder) -> None:
        assert folder.run(self.CODE).stdout == "[0.1, (64,)] True False False\n" * 2

    def test_a_place_that_should_be_inactive_is_warned_of_once(self, folder: Folder) -> None:
        folder.run(self.CODE)
        (line,) = folder.lines()
        assert line["type"] == "warning"
        assert "width is not active in this configuration" in line["message"]

    def test_the_baseline_keeps_the_sources_own_and_records_what_was_not_known(self, folder: Folder) -> None:
        done = folder.run(self.CODE, HPO_BASELINE="1")
        assert done.stdout == "[0.5, (64,)] False False False\n" * 2
        assert [(x["type"], x["name"], x["value"]) for x in folder.lines()] == [("own", "width", "(64,)")]

    def test_outside_everything_is_the_sources_own(self) -> None:
        done = python(self.CODE, outside())
        assert done.stdout == "[0.5, (64,)] False False False\n" * 2
        assert done.stderr == ""

    def test_an_option_is_picked_by_value_and_type(self, tmp_path: Path) -> None:
        folder = Folder(tmp_path, {"a": 1, "b": True, "c": None, "d": "nn.ReLU()"})
        done = folder.run(
            """
            from hpo.trial import picked
            print(picked("a", 1), picked("a", True), picked("a", 1.0), picked("b", True), picked("c", None),
                  picked("d", "nn.ReLU()"))
            """
        )
        assert done.stdout == "True False False True True True\n"


class TestNoRoom:
    def test_what_could_not_be_recorded_is_an_error_that_says_so_and_spoils_nothing_after_it(
        self, folder: Folder
    ) -> None:
        done = folder.run(
            """
            import hpo, resource, signal
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            hpo.report_intermediate_result(1)
            _, unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, unlimited))  # the second line fits in part
            for _ in range(2):
                try:
                    hpo.report_intermediate_result(2)
                except OSError as error:
                    print(error)
            resource.setrlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))
            hpo.report_final_result(3)
            """
        )
        messages = done.stdout.splitlines()
        assert len(messages) == 2
        assert all(str(folder.path) in m and "File too large" in m for m in messages)
        lines = (folder.path / "metrics.jsonl").read_text().splitlines()
        assert json.loads(lines[0])["value"] == 1.0
        assert json.loads(lines[-1])["value"] == 3.0


class TestRecord:
    def test_the_last_five_states_are_final(self) -> None:
        assert [s.value for s in TrialState if not s.is_final] == ["waiting", "running"]

    def test_a_new_trial_waits_with_a_memo_of_its_own(self) -> None:
        one, other = Trial(0, {"lr": 0.1}), Trial(1, {"lr": 0.2})
        one.memo["rung"] = 1
        assert (one.state, one.value, one.intermediate, one.failure) == (TrialState.WAITING, None, [], None)
        assert other.memo == {}
        assert repr(one) == "Trial(0, {'lr': 0.1}, state='waiting', value=None)"

    def test_metrics_compare_by_step_and_value(self) -> None:
        assert Metric(1, 0.5) == Metric(1, 0.5)
        assert Metric(1, 0.5) != Metric(2, 0.5)
        assert repr(Metric(1, 0.5)) == "Metric(step=1, value=0.5)"


class TestFidelity:
    @pytest.mark.parametrize(
        ("budget", "start", "passes"),
        [
            (None, 0, "0123"),
            (2, 0, "01"),
            (3, 1, "12"),
            (3, 3, ""),
            (None, 2, "23"),
            (0, 0, "0"),
            ("x", 0, "0123"),
        ],
    )
    def test_the_budget_counts_the_passes_behind_a_checkpoint(
        self, tmp_path: Path, budget: Any, start: int, passes: str
    ) -> None:
        folder = Folder(tmp_path, {} if budget is None else {"TRIAL_BUDGET": budget})
        for iterable in ("range(4)", "iter([0, 1, 2, 3])"):
            done = folder.run(f"import hpo; print(*hpo.fidelity({iterable}, start={start}), sep='')")
            assert done.stdout.strip() == passes

    @pytest.mark.parametrize(("start", "steps"), [(0, [0, 1]), (3, [3, 4])])
    def test_results_without_a_step_are_counted_from_the_checkpoint(
        self, tmp_path: Path, start: int, steps: list[int]
    ) -> None:
        folder = Folder(tmp_path, {"TRIAL_BUDGET": start + 2})
        loop = f"for _ in hpo.fidelity(range(50), start={start}): hpo.report_intermediate_result(1)"
        folder.run(f"import hpo\n{loop}")
        assert [line["step"] for line in folder.lines()] == steps

    def test_a_range_keeps_its_length(self, tmp_path: Path) -> None:
        folder = Folder(tmp_path, {"TRIAL_BUDGET": 3})
        assert folder.run("import hpo; print(len(hpo.fidelity(range(50))))").stdout == "3\n"

    def test_outside_an_experiment_every_pass_is_made(self) -> None:
        done = python("import hpo; print(*hpo.fidelity(range(3)))", outside())
        assert done.stdout == "0 1 2\n"
        assert "no experiment is running" in done.stderr
