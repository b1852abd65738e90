"""Search spaces for other tools, each read by the tool itself: without it, its test is skipped."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from hpo.errors import UsageError
from hpo.interop.outline import Outline
from hpo.interop.spaces import TARGETS, write_space
from hpo.objectives import Objectives
from hpo.space import SearchSpace

SPACE = {
    "lr": {"_type": "loguniform", "_value": [1e-5, 1e-1]},
    "drop": {"_type": "uniform", "_value": [0, 0.5]},
    "units": {"_type": "quniform", "_value": [5, 100, 10]},
    "decay": {"_type": "qloguniform", "_value": [0.01, 1, 0.01]},
    "layers": {"_type": "randint", "_value": [1, 4]},
    "opt": {"_type": "choice", "_value": ["adam", "sgd's", "x,y"]},
    "size": {"_type": "choice", "_value": [16, 32]},
    "mixed": {"_type": "choice", "_value": [None, True, 1.5, "1.5"]},
    "shape": {"_type": "choice", "_value": [[1, 2], [3]]},
    "momentum": {"_type": "uniform", "_value": [0.5, 1], "_when": {"opt": ["sgd's"]}},
    "noise": {"_type": "normal", "_value": [0, 2]},
    "scale": {"_type": "qlognormal", "_value": [0, 1, 0.5]},
    "columns": {"_type": "subset", "_value": ["a", "b", "c"], "_min": 1},
    "_constraints": ["layers * size <= 64 or momentum > 0.9"],
}
DEFAULTS = {"lr": 0.01, "layers": 2, "opt": "adam", "size": 16, "shape": [3]}


def outline(written: dict[str, Any] = SPACE, direction: str = "maximize") -> Outline:
    space = SearchSpace.from_json(written, defaults={n: v for n, v in DEFAULTS.items() if n in written})
    return Outline('ex "1"', space, Objectives(direction=direction), "train.py", 20)


def module(tmp_path: Path, to: str) -> dict[str, Any]:
    path = tmp_path / f"for_{to}.py"
    path.write_text(write_space(outline(), to))
    return runpy.run_path(str(path))


def check(values: dict[str, Any]) -> None:
    """Refuse what our own space would refuse."""
    outline().space.check(values)


def test_optuna_draws_what_the_space_has(tmp_path: Path) -> None:
    optuna = pytest.importorskip("optuna", reason="requirements/ecosystem.txt")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    suggest = module(tmp_path, "optuna")["suggest"]
    seen: list[dict[str, Any]] = []

    def objective(trial: Any) -> float:
        values = suggest(trial)
        seen.append(values)
        return float(values["lr"])

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    study.enqueue_trial({"lr": 0.01, "layers": 2, "opt": "adam", "size": 16})
    study.optimize(objective, n_trials=60)
    assert (seen[0]["lr"], seen[0]["layers"], seen[0]["opt"]) == (0.01, 2, "adam")
    assert {values["opt"] for values in seen} == {"adam", "sgd's", "x,y"}
    assert any("momentum" in values for values in seen)
    for values in seen:
        check(values)
    pruned = [t for t in study.trials if t.state.name == "PRUNED"]
    assert len(pruned) == 60 - len(seen)


def test_ray_tune_draws_what_the_space_has(tmp_path: Path) -> None:
    pytest.importorskip("ray.tune", reason="requirements/ecosystem.txt")
    from ray.tune.search.variant_generator import generate_variants

    written = module(tmp_path, "ray")["param_space"]
    count = 0
    for _ in range(40):
        ((_, values),) = generate_variants(written)
        active = {n: v for n, v in values.items() if v is not None or n == "mixed"}
        assert ("momentum" in active) == (values["opt"] == "sgd's")
        space = SearchSpace.from_json({n: v for n, v in SPACE.items() if n != "_constraints"})
        space.check(active)
        count += "momentum" in active
    assert 0 < count < 40


def test_hydra_reads_every_override(tmp_path: Path) -> None:
    pytest.importorskip("hydra", reason="requirements/ecosystem.txt")
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, RangeSweep

    text = write_space(outline(), "hydra")
    config = yaml.safe_load(text)
    assert '# Hydra cannot say: momentum is active only where opt is "sgd\'s"' in text
    params = config["hydra"]["sweeper"]["params"]
    read = {
        o.key_or_group: o.value()
        for o in OverridesParser.create().parse_overrides([f"{n}={v}" for n, v in params.items()])
    }
    assert isinstance(read["lr"], IntervalSweep)
    assert (read["lr"].start, read["lr"].end, read["lr"].tags) == (1e-5, 0.1, {"log"})
    assert isinstance(read["layers"], RangeSweep)
    assert list(read["layers"].range()) == [1, 2, 3]
    assert isinstance(read["opt"], ChoiceSweep)
    assert [getattr(o, "text", o) for o in read["opt"].list] == ["adam", "sgd's", "x,y"]
    assert read["shape"].list == [[1, 2], [3]]
    assert config["lr"] == 0.01


def test_the_sweep_of_wandb_is_valid() -> None:
    schema = pytest.importorskip("sweeps.config", reason="pip install sweeps")
    text = write_space(outline(), "wandb")
    sweep = yaml.safe_load(text)
    assert schema.schema_violations_from_proposed_config(sweep) == []
    assert sweep["metric"]["goal"] == "maximize"
    assert sweep["parameters"]["layers"] == {"distribution": "int_uniform", "min": 1, "max": 3}
    assert "# W&B cannot say: only where layers * size <= 64" in text


def test_argparse_takes_the_values_and_has_the_source_s_own(tmp_path: Path) -> None:
    parser = module(tmp_path, "argparse")["make_parser"]()
    own = vars(parser.parse_args([]))
    assert (own["lr"], own["layers"], own["opt"]) == (0.01, 2, "adam")
    given = parser.parse_args(["--layers", "3", "--opt", "x,y", "--mixed", "null", "--shape", "[1, 2]"])
    assert (given.layers, given.opt, given.mixed, given.shape) == (3, "x,y", None, [1, 2])
    assert "loguniform(1e-05, 0.1)" in parser.format_help()


@pytest.mark.parametrize("to", TARGETS)
def test_every_tool_gets_every_kind_in_either_direction(to: str) -> None:
    for direction in ("maximize", "minimize"):
        assert write_space(outline(direction=direction), to)
    many = {"order": {"_type": "permutation", "_value": list(range(9))}}
    with pytest.raises(UsageError, match="order has 362880 values"):
        write_space(outline(many), to)


def test_a_parameter_may_be_called_as_what_is_asked_for_it() -> None:
    written = {
        "values": {"_type": "choice", "_value": ["values", "few"]},
        "n": {"_type": "randint", "_value": [1, 4], "_when": {"values": ["values"]}},
    }
    assert "if spec.config.get('values') in ['values'] else None" in write_space(outline(written), "ray")


def test_the_command_prints_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text("import hpo\nx = 0.5  # hpo: uniform(0, 1)\nhpo.report_final_result(x)\n")

    def hpo(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "hpo", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    hpo("run", "train.py", "--max-trials", "1")
    assert yaml.safe_load(hpo("export", "--to", "wandb").stdout)["program"] == "train.py"
    hpo("export", "--to", "argparse", "-o", "options.py")
    printed = subprocess.run(
        [sys.executable, "options.py", "--x", "0.75"], capture_output=True, text=True, check=True
    )
    assert json.loads(printed.stdout.replace("'", '"')) == {"x": 0.75}
    done = hpo("export", "--to", "hyperopt")
    assert done.returncode == 2
    assert "there are optuna, hydra, wandb, ray, argparse" in done.stderr


def test_hydra_has_dotted_names_as_nested_and_objects_in_its_own_grammar() -> None:
    written = {
        "net.width": {"_type": "choice", "_value": [1, 2]},
        "net.act.kind": {"_type": "choice", "_value": ["relu", "it's"]},
        "data": {"_type": "choice", "_value": [{"size": 3, "of": [1, "a"]}, None]},
    }
    config = yaml.safe_load(write_space(outline(written), "hydra"))
    assert config["net"] == {"width": None, "act": {"kind": None}}
    params = config["hydra"]["sweeper"]["params"]
    assert params["data"] == "{'size': 3, 'of': [1, 'a']},null"
    assert params["net.act.kind"] == r"'relu','it\'s'"
