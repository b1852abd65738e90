"""The module `nni` inside a trial: in this Python, in one without hpo, and by hand."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import hpo.trial
from hpo.runtime.launcher import SHIMS
from hpo.runtime.shims.nni.utils import merge_parameter

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that runs a script, as a trial or by hand, and gives its output."""

    def run(script: str, *options: str, values: dict[str, Any] | None = None, **files: str) -> str:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("HPO_", "NNI_", "PYTHON"))}
        environment["PYTHONPATH"] = str(SHIMS)
        if values is not None:
            (tmp_path / "parameters.json").write_text(json.dumps(values))
            environment |= {
                "HPO_EXPERIMENT_ID": "e1",
                "HPO_TRIAL_ID": "e1-7",
                "HPO_TRIAL_SEQUENCE": "7",
                "HPO_TRIAL_DIR": str(tmp_path),
                "HPO_PARAMETERS": str(tmp_path / "parameters.json"),
            }
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text)
        (tmp_path / "script.py").write_text(dedent(script))
        done = subprocess.run(
            [sys.executable, *options, "script.py"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    return run


def reports(folder: Path) -> list[tuple[str, Any]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [(line["type"], line["value"]) for line in lines]


TRIAL = """
    import nni
    assert nni.get_current_parameter() is None
    values = nni.get_next_parameter()
    assert nni.get_current_parameter() == values
    assert nni.get_current_parameter("lr") == values["lr"]
    assert (nni.get_experiment_id(), nni.get_trial_id(), nni.get_sequence_id()) == ("e1", "e1-7", 7)
    nni.report_intermediate_result(0.5)
    nni.report_intermediate_result({"default": 0.6, "loss": 1})
    nni.report_final_result(values["lr"])
    import sys
    print("hpo.trial" in sys.modules)
"""


class TestInATrial:
    @pytest.mark.parametrize(("options", "installed"), [((), "True"), (("-S",), "False")])
    def test_it_hands_over_and_reports_with_and_without_hpo_installed(
        self, run: Run, tmp_path: Path, options: tuple[str, ...], installed: str
    ) -> None:
        # -S: no site-packages, so neither hpo nor anything else that is installed can be imported.
        assert run(TRIAL, *options, values={"lr": 0.1}) == f"{installed}\n"
        assert reports(tmp_path) == [("intermediate", 0.5), ("intermediate", 0.6), ("final", 0.1)]

    def test_a_script_of_the_users_that_is_called_hpo_is_not_run(self, run: Run) -> None:
        assert run(TRIAL, values={"lr": 0.1}, hpo="print('run')") == "False\n"

    def test_it_shares_the_trial_with_hpo(self, run: Run, tmp_path: Path) -> None:
        script = "import hpo, nni\nhpo.report_intermediate_result(1)\nnni.report_intermediate_result(2)\n"
        run(script, values={})
        steps = [json.loads(line)["step"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
        assert steps == [0, 1]

    def test_nested_choices_come_nested(self, run: Run, tmp_path: Path) -> None:
        nested = {"layer": {"_name": "conv", "size": 3}}
        (tmp_path / "nested.json").write_text(json.dumps(nested))
        script = "import nni, json\nprint(json.dumps(nni.get_next_parameters()))\n"
        assert json.loads(run(script, values={"layer": "conv", "layer.size": 3})) == nested

    def test_beside_the_checkpoints_of_pbt_there_is_no_budget_as_in_nni(self, run: Run) -> None:
        values = {"lr": 0.1, "TRIAL_BUDGET": 2, "load_checkpoint_dir": "a", "save_checkpoint_dir": "b"}
        script = "import nni\nprint(sorted(nni.get_next_parameter()))\n"
        assert run(script, values=values) == "['load_checkpoint_dir', 'lr', 'save_checkpoint_dir']\n"

    def test_a_key_of_nnis_annotation_is_looked_up(self, run: Run) -> None:
        script = """
            import nni
            print(nni.choice({"a": 1, "(5 * 6)": 30}, name="x", key="m/x/choice"))
            print(nni.uniform(0, 1, key="m/u"))
            print(nni.function_choice({"f()": lambda: "f", "g()": lambda: "g"}, key="m/f"))
        """
        assert run(script, values={"m/x/choice": "(5 * 6)", "m/u": 0.25, "m/f": "g()"}) == "30\n0.25\ng\n"


class TestByHand:
    def test_it_stands_alone_as_nni_does(self, run: Run) -> None:
        script = """
            import warnings, nni
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                assert nni.get_next_parameter() == {}
            assert [w.category for w in caught] == [RuntimeWarning]
            assert caught[0].filename.endswith("script.py")
            ids = nni.get_experiment_id(), nni.get_trial_id(), nni.get_sequence_id()
            assert ids == ("STANDALONE", "STANDALONE", 0)
        """
        assert run(script) == ""

    def test_reports_go_nowhere_and_say_so_once(self, run: Run) -> None:
        script = (
            "import nni\nfor i in range(3): nni.report_intermediate_result(i)\nnni.report_final_result(1)\n"
        )
        assert run(script).count("no experiment is running here") == 1

    @pytest.mark.parametrize(
        ("call", "value"),
        [
            ("choice(3, 4)", 3), ("randint(1, 4)", 2), ("uniform(0, 3)", 1.5), ("quniform(0, 10, 4)", 4),
            ("quniform(0, 10, 1)", 5), ("quniform(2, 3, 10)", 2), ("loguniform(1, 100)", 10),
            ("qloguniform(1, 100, 3)", 9),
            ("normal(1, 2)", 1), ("qnormal(7, 1, 5)", 5), ("lognormal(0, 1)", 1),
            ("qlognormal(0, 1, 0.5)", 1),
            ("function_choice(lambda: 5, lambda: 6, name='f')", 5),
        ],
    )  # fmt: skip
    def test_a_smart_parameter_is_the_middle_of_its_domain(self, run: Run, call: str, value: float) -> None:
        assert float(run(f"import nni\nprint(nni.{call})\n")) == pytest.approx(value)


class TestImporting:
    def test_it_loads_little(self, run: Run) -> None:
        heavy = {"numpy", "dataclasses", "typing", "inspect", "yaml", "pydantic"}
        script = (
            f"import sys; before = set(sys.modules); import nni; print({heavy} & (set(sys.modules) - before))"
        )
        assert run(script, values={}) == "set()\n"

    def test_it_has_the_version_whose_api_it_is(self, run: Run) -> None:
        assert run("import nni\nprint(nni.__version__)\n") == "3.0\n"

    def test_nnis_other_ways_to_import_work(self, run: Run) -> None:
        script = """
            from nni import NoMoreTrialError, utils
            from nni.trial import get_next_parameter
            from nni.utils import merge_parameter
            assert str(NoMoreTrialError()) == "Search space fully explored" == NoMoreTrialError().errorinfo
            repr(NoMoreTrialError())
        """
        assert run(script) == ""

    @pytest.mark.parametrize("options", [(), ("-S",)])
    def test_the_bases_of_tuners_and_assessors_are_there(self, run: Run, options: tuple[str, ...]) -> None:
        script = """
            from nni import NoMoreTrialError
            from nni.assessor import AssessResult, Assessor
            from nni.tuner import Tuner
            from nni.utils import OptimizeMode, extract_scalar_history, extract_scalar_reward
            class Twice(Tuner):
                def generate_parameters(self, parameter_id, **kwargs):
                    if parameter_id == 1:
                        raise NoMoreTrialError
                    return {"x": parameter_id}
            assert Twice().generate_multiple_parameters([0, 1]) == [{"x": 0}]
            assert OptimizeMode("minimize") is OptimizeMode.Minimize
            assert extract_scalar_history([1, {"default": 2}]) == [1.0, 2.0]
            assert not AssessResult.Bad.value and issubclass(type("A", (Assessor,), {}), Assessor)
        """
        assert run(script, *options) == ""

    def test_what_is_not_here_says_why(self, run: Run) -> None:
        script = """
            import nni
            try:
                nni.Experiment
            except AttributeError as error:
                print(error)
        """
        assert "in a trial of hpo it is NNI's trial API and no more" in run(script)


class TestMergeParameter:
    def test_values_go_over_arguments_in_place(self) -> None:
        arguments = Namespace(lr=0.1, size=8, name=None)
        assert merge_parameter(arguments, {"lr": 1, "size": 16, "name": "x"}) is arguments
        assert arguments == Namespace(lr=1.0, size=16, name="x")
        assert type(arguments.lr) is float
        assert merge_parameter({"lr": 0.1}, {"lr": 0.2}) == {"lr": 0.2}
        assert merge_parameter({"lr": 0.1}, None) == {"lr": 0.1}

    @pytest.mark.parametrize("make", [dict, Namespace])
    def test_an_unknown_key_or_another_type_is_refused(self, make: Callable[..., Any]) -> None:
        with pytest.raises(ValueError, match="Key 'momentum' not found in base parameters"):
            merge_parameter(make(lr=0.1), {"momentum": 1})
        with pytest.raises(
            ValueError, match='Expected "lr" in override parameters to have type int, but found str'
        ):
            merge_parameter(make(lr=1), {"lr": "1"})


BASES = Path(hpo.trial.__file__).parent / "tuners" / "nni_bases.py"


@pytest.mark.parametrize(
    "file", [Path(hpo.trial.__file__), BASES, *sorted((SHIMS / "nni").glob("*.py"))], ids=str
)
def test_a_python_as_old_as_3_8_understands_what_a_trial_loads(file: Path) -> None:
    tree = ast.parse(file.read_text(), feature_version=(3, 8))
    asked = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "isinstance"]
    assert not [ast.unparse(call) for call in asked if isinstance(call.args[1], ast.BinOp)]
