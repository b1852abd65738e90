"""The examples do what their READMEs say: by hand, and under hpo run."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
HPO = Path(sys.executable).with_name("hpo")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return an environment with a store of its own, where `hpo` is not on the path."""
    path = [p for p in os.environ["PATH"].split(os.pathsep) if not (Path(p) / "hpo").exists()]
    return {**os.environ, "HPO_HOME": str(tmp_path / "home"), "PATH": os.pathsep.join(path)}


def output(command: list[str | Path], cwd: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


class TestDigits:
    def test_by_hand_it_is_an_ordinary_script(self, environment: dict[str, str], tmp_path: Path) -> None:
        printed = output(
            [sys.executable, "-W", "error", EXAMPLES / "digits" / "train.py"], tmp_path, environment
        )
        accuracy = re.findall(r"^accuracy (0\.\d+) on the validation images", printed, re.MULTILINE)
        assert 0.92 < float(accuracy[0]) < 0.97

    def test_the_first_trial_runs_the_scripts_own_values(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        printed = output([sys.executable, EXAMPLES / "digits" / "train.py"], tmp_path, environment)
        by_hand = float(re.findall(r"^epoch 20  accuracy (.*)$", printed, re.MULTILINE)[0])
        script: Path = EXAMPLES / "digits" / "train.py"
        command = [HPO, "run", script, "--max-trials", "3", "--concurrency", "2", "--seed", "0", "--json"]
        best = json.loads(output(command, tmp_path, environment))
        assert best["baseline"] == pytest.approx(by_hand, abs=1e-4)
        trials = json.loads(output([HPO, "trial", "list", "--json"], tmp_path, environment))
        assert [t["state"] for t in trials] == ["succeeded"] * 3
        assert [len(t["intermediate"]) for t in trials] == [20] * 3
        defaults = {"solver": "adam", "hidden_layer_sizes": "(32,)", "batch_size": 64, "alpha": 1e-4}
        assert defaults.items() <= trials[0]["parameters"].items()


class TestPipeline:
    script: Path = EXAMPLES / "pipeline" / "train.py"

    def test_a_trial_has_the_values_of_the_steps_that_it_takes(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        printed = output([sys.executable, "-W", "error", self.script], tmp_path, environment)
        by_hand = float(re.findall(r"^accuracy (0\.\d+) in cross-validation", printed)[0])
        command = [
            HPO,
            "run",
            self.script,
            "--max-trials",
            "6",
            "--concurrency",
            "2",
            "--seed",
            "0",
            "--json",
        ]
        best = json.loads(output(command, tmp_path, environment))
        assert best["baseline"] == pytest.approx(by_hand, abs=1e-4)
        trials = json.loads(output([HPO, "trial", "list", "--json"], tmp_path, environment))
        assert [t["state"] for t in trials] == ["succeeded"] * 6
        assert [len(t["intermediate"]) for t in trials] == [5] * 6  # a fold each
        for trial in trials:
            values: dict[str, Any] = trial["parameters"]
            steps = {"scaler", "reduction", "classifier"}
            steps |= {"n_components", "whiten"} if values["reduction"] == "pca" else set()
            if values["classifier"] == "forest":
                steps |= {"n_estimators", "max_features", "min_samples_leaf"}
            else:
                steps |= {"kernel", "C"} | ({"gamma"} if values["kernel"] == "rbf" else set())
            assert values.keys() == steps


class TestBoosting:
    script: Path = EXAMPLES / "boosting" / "train.py"

    def test_trials_whose_loss_falls_slowly_are_stopped(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        printed = output([sys.executable, "-W", "error", self.script], tmp_path, environment)
        by_hand = float(re.findall(r"^loss (0\.\d+) on the validation", printed, re.MULTILINE)[0])
        command = [HPO, "run", self.script, "--minimize", "--assessor", "Medianstop", "--max-trials", "8"]
        best = json.loads(output([*command, "--seed", "0", "--json"], tmp_path, environment))
        assert best["baseline"] == pytest.approx(by_hand, abs=1e-4)
        trials = json.loads(output([HPO, "trial", "list", "--json"], tmp_path, environment))
        rounds = {t["state"]: [step for step, _ in t["intermediate"]] for t in trials}
        assert rounds["succeeded"] == list(range(10, 101, 10))
        assert rounds["early_stopped"]
        assert best["value"] == min(t["value"] for t in trials if t["state"] == "succeeded")


class TestFeatures:
    def test_a_trial_computes_the_features_that_it_has(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        script: Path = EXAMPLES / "features" / "train.py"
        printed = output([sys.executable, "-W", "error", script], tmp_path, environment)
        by_hand = float(re.findall(r"^accuracy (0\.\d+) in cross-validation", printed)[0])
        command = [HPO, "run", script, "--max-trials", "4", "--seed", "0", "--json"]
        best = json.loads(output(command, tmp_path, environment))
        assert best["baseline"] == pytest.approx(by_hand, abs=1e-4)
        trials = json.loads(output([HPO, "trial", "list", "--json"], tmp_path, environment))
        assert trials[0]["parameters"]["kinds"] == ["pixels"]
        kinds = ["pixels", "rows", "columns", "blocks", "edges", "diagonals", "spectrum"]
        for trial in trials:
            chosen = trial["parameters"]["kinds"]
            assert chosen == [kind for kind in kinds if kind in chosen] != []
            assert [step for step, _ in trial["intermediate"]] == [0, 1, 2, 3, 4]  # a fold each


@pytest.fixture(scope="module")
def halved(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Return the environment of a halving experiment, and its trials.

    There are enough for a rung of 9 passes, whatever of the next bracket starts while a rung waits for its
    last.
    """
    folder = tmp_path_factory.mktemp("halving")
    environment = {**os.environ, "HPO_HOME": str(folder / "home")}
    command = [HPO, "run", TestHalving.script, "--tuner", "Hyperband", "--max-trials", "60"]
    output([*command, "--concurrency", "2", "--seed", "0"], folder, environment)
    return environment, json.loads(output([HPO, "trial", "list", "--json"], folder, environment))


class TestHalving:
    script: Path = EXAMPLES / "halving" / "train.py"

    def test_by_hand_it_makes_all_passes_and_leaves_nothing(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        printed = output([sys.executable, self.script], tmp_path, environment)
        assert len(re.findall(r"^pass +\d+  accuracy", printed, re.MULTILINE)) == 27
        assert not list(tmp_path.iterdir())

    def test_promoted_trials_go_on_from_their_checkpoints(
        self, halved: tuple[dict[str, str], list[dict[str, Any]]], tmp_path: Path
    ) -> None:
        environment, trials = halved
        shown = json.loads(output([HPO, "show", "--json"], tmp_path, environment))
        assert shown["tuner"]["class_args"] == {"R": 27}  # the passes of the marked loop
        assert len(trials[0]["intermediate"]) == 27  # the script's own values run whole
        promoted = [t for t in trials if t["parent"] is not None]
        assert {t["budget"] for t in promoted} >= {3, 9}
        for trial in promoted:
            earlier = trials[trial["parent"]]
            assert trial["parameters"] == earlier["parameters"]
            steps = [step for step, _ in trial["intermediate"]]
            assert steps == list(range(earlier["budget"], trial["budget"]))
            log = Path(shown["directory"], "trials", str(trial["number"]), "stdout.log").read_text()
            assert log.startswith(f"goes on after pass {earlier['budget']}\n")

    def test_a_promoted_trial_ends_where_one_without_a_break_does(
        self, halved: tuple[dict[str, str], list[dict[str, Any]]], tmp_path: Path
    ) -> None:
        """What two trials with a checkpoint between them learn is what one would."""
        environment, trials = halved
        last = max((t for t in trials if t["parent"] is not None), key=lambda t: t["budget"])
        whole = tmp_path / "whole.py"
        whole.write_text(output([HPO, "trial", "code", str(last["number"])], tmp_path, environment))
        printed = output([sys.executable, whole], tmp_path, environment)
        accuracies = re.findall(r"accuracy (0\.\d+)$", printed, re.MULTILINE)
        assert float(accuracies[last["budget"] - 1]) == pytest.approx(last["value"], abs=1e-4)

    @pytest.mark.parametrize(
        ("options", "states"),
        [
            (["--tuner", "BOHB", "--max-trials", "14"], {"succeeded"}),
            (["--assessor", "ASHA", "--max-trials", "8"], {"succeeded", "early_stopped"}),
        ],
        ids=["BOHB", "ASHA"],
    )
    def test_other_halvings_run_it_as_it_is(
        self, options: list[str], states: set[str], environment: dict[str, str], tmp_path: Path
    ) -> None:
        command = [HPO, "run", self.script, *options, "--concurrency", "2", "--seed", "0"]
        output(command, tmp_path, environment)
        trials = json.loads(output([HPO, "trial", "list", "--json"], tmp_path, environment))
        assert {t["state"] for t in trials} == states
        passes = {len(t["intermediate"]) for t in trials}
        assert len(passes) > 1
        assert max(passes) == 27  # the script's own values run whole


class TestPopulation:
    folder: Path = EXAMPLES / "population"

    def test_by_hand_it_is_an_ordinary_script(self, environment: dict[str, str], tmp_path: Path) -> None:
        printed = output([sys.executable, "-W", "error", self.folder / "train.py"], tmp_path, environment)
        assert float(re.findall(r"^pass 20  accuracy (.*)$", printed, re.MULTILINE)[0]) > 0.9
        assert not list(tmp_path.iterdir())

    def test_the_worst_go_on_from_the_best_with_other_values(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        command = [HPO, "run", self.folder / "train.py", "--config", self.folder / "config.yml"]
        output([*command, "--max-trials", "19", "--seed", "0"], tmp_path, environment)
        trials = json.loads(output([HPO, "trial", "list", "--json"], tmp_path, environment))
        assert [t["budget"] for t in trials] == [None, *[4] * 6, *[8] * 6, *[12] * 6]
        later = trials[7:]
        moved = [t for t in later if t["parameters"] != trials[t["parent"]]["parameters"]]
        assert len(moved) == 4  # two of each generation
        for trial in moved:
            assert [step for step, _ in trial["intermediate"]] == list(
                range(trial["budget"] - 4, trial["budget"])
            )
            before = trials[trial["parent"]]["parameters"]["eta0"]
            logs = output([HPO, "trial", "logs", str(trial["number"])], tmp_path, environment)
            now = trial["parameters"]["eta0"]
            assert logs.startswith(
                f"goes on after pass {trial['budget'] - 4}, with eta0 {before:.4f} -> {now:.4f}"
            )


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
class TestTorch:
    def test_a_promoted_trial_goes_on_from_its_checkpoint(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        command = [HPO, "run", EXAMPLES / "torch" / "train.py", "--tuner", "BOHB", "--max-trials", "14"]
        output([*command, "--seed", "0"], tmp_path, environment)  # one at a time: no other bracket begins
        trials = json.loads(output([HPO, "trial", "list", "--json"], tmp_path, environment))
        assert {t["budget"] for t in trials} >= {1, 3, 9}
        for trial in trials:
            assert ("momentum" in trial["parameters"]) == (trial["parameters"]["name"] == "sgd")
            if trial["parent"] is not None:
                steps = [step for step, _ in trial["intermediate"]]
                assert steps == list(range(trials[trial["parent"]]["budget"], trial["budget"]))

    def test_in_a_population_the_worst_go_on_from_the_best_with_a_learning_rate_of_their_own(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        config = tmp_path / "config.yml"
        config.write_text("tuner: {name: PBT, classArgs: {population_size: 4, fraction: 0.25}}\n")
        command = [HPO, "run", EXAMPLES / "torch" / "train.py", "--config", config, "--max-trials", "9"]
        output([*command, "--fix", "width=32", "--fix", "name=sgd", "--seed", "0"], tmp_path, environment)
        trials = json.loads(output([HPO, "trial", "list", "--json"], tmp_path, environment))
        assert [t["state"] for t in trials] == ["succeeded"] * 9
        assert [t["budget"] for t in trials] == [None, *[1] * 4, *[2] * 4]
        moved = [t for t in trials[5:] if t["parameters"] != trials[t["parent"]]["parameters"]]
        assert len(moved) == 1
        for trial in trials[5:]:
            logs = output([HPO, "trial", "logs", str(trial["number"])], tmp_path, environment)
            assert logs.startswith(f"goes on after epoch 1, with lr {trial['parameters']['lr']:.4f}\n")


class TestNotebook:
    def test_it_runs_from_the_first_cell_to_the_last_with_its_figures(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        nbformat = pytest.importorskip("nbformat")
        nbclient = pytest.importorskip("nbclient")
        monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
        notebook = nbformat.read(EXAMPLES / "notebook" / "tune.ipynb", 4)
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert all(cell.outputs == [] and cell.execution_count is None for cell in cells)  # a diff shows code
        for cell in cells:
            cell.source = cell.source.replace("max_trials=40", "max_trials=8").replace("=50", "=10")
        nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
        shown = [set(o.get("data", {"text": ""})) for cell in cells for o in cell.outputs]
        assert shown.count({"application/vnd.plotly.v1+json"}) == 3
        (trials,) = [o.data["text/html"] for o in cells[-1].outputs if "text/html" in o.get("data", {})]
        assert "10 of 10 trials" in trials


class TestUntouched:
    def test_each_trial_has_the_accuracy_that_its_program_printed_last(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        readme = (EXAMPLES / "untouched" / "README.md").read_text().replace("\\\n", "")
        (command,) = re.findall(r"^hpo (run .*?) --max-trials", readme, re.MULTILINE)
        arguments = [HPO, *shlex.split(command), "--max-trials", "4", "--seed", "0", "--", "--passes", "3"]
        output(arguments, EXAMPLES.parent, environment)
        trials = json.loads(output([HPO, "trial", "list", "--json"], tmp_path, environment))
        assert [t["state"] for t in trials] == ["succeeded"] * 4
        for trial in trials:
            given = [f"--{name}={value}" for name, value in trial["parameters"].items()]
            program: Path = EXAMPLES / "untouched" / "classify.py"
            by_hand = output([sys.executable, program, *given, "--passes", "3"], tmp_path, environment)
            assert output([HPO, "trial", "logs", str(trial["number"])], tmp_path, environment) == by_hand
            printed = [float(accuracy) for accuracy in re.findall("accuracy (.*)", by_hand)]
            assert [value for _, value in trial["intermediate"]] == printed
            assert trial["value"] == printed[-1]


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
class TestArchitecture:
    def test_a_trial_trains_the_network_that_it_is_recorded_with(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        script: Path = EXAMPLES / "architecture" / "train.py"
        printed = output([sys.executable, "-W", "error", script], tmp_path, environment)
        assert float(re.findall(r"^epoch 5  accuracy (.*)$", printed, re.MULTILINE)[0]) > 0.8
        output([HPO, "run", script, "--max-trials", "2", "--seed", "0"], tmp_path, environment)
        trials = json.loads(output([HPO, "trial", "list", "--json"], tmp_path, environment))
        assert [t["state"] for t in trials] == ["succeeded"] * 2
        values: dict[str, Any] = trials[-1]["parameters"]
        code = output([HPO, "trial", "code", "1"], tmp_path, environment)
        for layer, before in (("first", "stem"), ("second", "first"), ("third", "second")):
            function, arguments = values[f"{layer}.layer_choice"].rstrip(")").split("(")
            inputs = f"[[{before}], {values.get(f'{layer}.optional_inputs', '[]')}]"
            call = f"{function}({', '.join([inputs, *filter(None, [arguments])])})"
            assert f"{layer} = {call}" in code
        whole = tmp_path / "whole.py"
        whole.write_text(code)
        by_hand = output([sys.executable, whole], tmp_path, environment)
        logs = output([HPO, "trial", "logs", "1"], tmp_path, environment)
        assert logs.splitlines() == [
            line for line in by_hand.splitlines() if " " in line
        ]  # and not its reports


@pytest.mark.skipif(
    find_spec("torch") is None or find_spec("torchao") is None, reason="torch or torchao is not installed"
)
class TestCompression:
    def test_the_best_is_the_smallest_network_that_is_accurate_enough(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        script: Path = EXAMPLES / "compression" / "compress.py"
        wanted = ["--objective", "bytes:min", "--result-constraint", "accuracy>=0.96"]
        output([HPO, "run", script, *wanted, "--max-trials", "4", "--seed", "0"], tmp_path, environment)
        trials = json.loads(output([HPO, "trial", "list", "--json"], tmp_path, environment))
        assert [t["state"] for t in trials] == ["succeeded"] * 4
        results = []
        for trial in trials:
            logs = output([HPO, "trial", "logs", str(trial["number"])], tmp_path, environment)
            size, accuracy = re.findall(r"^(\d+) bytes, accuracy (.*): after$", logs, re.MULTILINE)[0]
            assert trial["value"] == pytest.approx(int(size), abs=1)
            results.append((float(accuracy) >= 0.96, trial["value"]))
        assert results[0][1] == 5616  # half of the weights of 44,928 bytes, in a quarter of the bits
        assert {is_enough for is_enough, _ in results} == {True, False}
        best = json.loads(output([HPO, "best", "--json"], tmp_path, environment))
        assert best["value"] == min(value for is_enough, value in results if is_enough)


class TestShell:
    def test_by_hand_it_takes_its_own_defaults(self, environment: dict[str, str]) -> None:
        environment["PATH"] = f"{HPO.parent}{os.pathsep}{environment['PATH']}"
        printed = output(["sh", "forecast.sh"], EXAMPLES / "shell", environment)
        assert printed.startswith("level 0.9, trend none, slope 0\n")
        assert printed.endswith(f"end: {self.error(level=0.9):.3f}\n")

    def test_each_trial_reports_the_error_of_the_values_that_it_is_recorded_with(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        folder = tmp_path / "shell"
        shutil.copytree(EXAMPLES / "shell", folder)
        # Called by a relative path, and not on the PATH: its trials find it all the same.
        hpo = os.path.relpath(HPO, folder)
        command: list[str | Path] = [hpo, "run", "--config", "config.yml", "--max-trials", "4", "--json"]
        best = json.loads(output(command, folder, environment))
        trials = json.loads(output([HPO, "trial", "list", "--json"], folder, environment))
        assert len(trials) == 4
        for trial in trials:
            values: dict[str, Any] = trial["parameters"]
            assert ("slope" in values) == (values["trend"] == "linear")
            error = self.error(values["level"], values.get("slope", 0.0))
            assert trial["value"] == pytest.approx(error, rel=1e-4)
            assert [step for step, _ in trial["intermediate"]] == list(range(1881, 1970, 10))
        assert best["value"] == min(trial["value"] for trial in trials)

    @staticmethod
    def error(level: float, slope: float = 0.0) -> float:
        """Return what forecast.sh computes, by another hand."""
        lines = (EXAMPLES / "shell" / "nile.txt").read_text().splitlines()
        flows = [float(line.split()[1]) for line in lines if not line.startswith("#")]
        forecast, rise, squares = flows[0], 0.0, 0.0
        for flow in flows[1:]:
            miss = flow - forecast - rise
            squares += miss**2
            forecast += rise + level * miss
            rise += level * slope * miss
        return float((squares / (len(flows) - 1)) ** 0.5)


@pytest.mark.skipif(not (shutil.which("cc") and shutil.which("make")), reason="there is no cc or no make")
class TestC:
    def test_a_trial_prints_what_the_program_does_by_hand_with_its_values(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        folder = tmp_path / "c"
        shutil.copytree(EXAMPLES / "c", folder, ignore=shutil.ignore_patterns("anneal"))
        output(["make"], folder, environment)
        run: list[str | Path] = [HPO, "run", "--config", "config.yml", "--seed", "0", "--max-trials"]
        output([*run, "3"], folder, environment)
        trials = json.loads(output([HPO, "trial", "list", "--json"], folder, environment))
        assert [t["state"] for t in trials] == ["succeeded"] * 3
        for trial in trials:
            printed = output([HPO, "trial", "logs", str(trial["number"])], folder, environment)
            values: dict[str, Any] = trial["parameters"]
            said = dict(re.findall(r"^([a-z]+) (\S+)$", printed, re.MULTILINE))
            assert said == {name: str(value) for name, value in values.items()}
            assert [step for step, _ in trial["intermediate"]] == [5, 10, 15, 20]
            assert trial["value"] == trial["intermediate"][-1][1]
            assert printed.endswith(f"{trial['value']:.0f} km\n")

        environment["PATH"] = f"{HPO.parent}{os.pathsep}{environment['PATH']}"
        by_hand = output(["./anneal"], folder, environment)
        own = dict(re.findall(r"^([a-z]+) (\S+)$", by_hand, re.MULTILINE))
        output([*run, "1", *(f"--fix={name}={value}" for name, value in own.items())], folder, environment)
        assert output([HPO, "trial", "logs", "0"], folder, environment).split() == by_hand.split()


class TestNniMnist:
    def test_it_is_the_seeds_configuration_but_for_the_trial(self) -> None:
        seed = Path(__file__).parent / "config" / "fixtures"
        ours = (EXAMPLES / "nni_mnist" / "config.yml").read_text()
        ours = ours.replace("trialConcurrency: 2", "trialConcurrency: 1").replace("mnist.py", "test_nni.py")
        assert ours == (seed / "config.yml").read_text()
        space = (EXAMPLES / "nni_mnist" / "search_space.json").read_bytes()
        assert space == (seed / "search_space.json").read_bytes()

    def test_trials_report_what_nni_would_have_got(self, environment: dict[str, str], tmp_path: Path) -> None:
        config: Path = EXAMPLES / "nni_mnist" / "config.yml"
        environment |= {"OMP_NUM_THREADS": "1"}
        output([HPO, "run", "--config", config, "--max-trials", "3", "--seed", "1"], tmp_path, environment)
        trials = json.loads(output([HPO, "trial", "list", "--json"], tmp_path, environment))
        assert [t["state"] for t in trials] == ["succeeded"] * 3
        for trial in trials:
            assert trial["parameters"].keys() == {"batch_size", "hidden_size", "lr", "momentum"}
            assert [step for step, _ in trial["intermediate"]] == list(range(6))
            assert trial["value"] == trial["intermediate"][-1][1]
        printed = output([HPO, "trial", "logs", "0"], tmp_path, environment)
        assert f"epoch 6: accuracy {trials[0]['value']:.4f}" in printed
