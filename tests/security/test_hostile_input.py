"""Files, names and values that somebody else wrote: read as what they are, and never run."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.runtime.launcher import ShellCommand

HPO = Path(sys.executable).with_name("hpo")
HOUSE = Path(__file__).resolve().parents[2] / "hpo"
MARKED = "x = 0.5  # hpo: uniform(0, 1)\n"
#: What says that it ran.
RUNS = "open('ran', 'w').write('x')"


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def hpo(*arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([HPO, *arguments], capture_output=True, text=True, timeout=300, check=False)
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.parametrize("command", ["annotate .", "annotate train.py --diff", "suggest train.py"])
def test_a_script_is_read_and_neither_it_nor_what_lies_beside_it_is_run(command: str) -> None:
    Path("train.py").write_text(f"import helper\nimport json\n{RUNS}\n{MARKED}")
    # What Python would import in the place of its own modules and ours, where this folder came first.
    for name in (
        "helper",
        "json",
        "typing",
        "sitecustomize",
        "usercustomize",
        "hpo",
        "libcst",
        "yaml",
        "conftest",
    ):
        Path(f"{name}.py").write_text(RUNS)
    Path("evil.pth").write_text(f"import os; {RUNS}\n")
    done = hpo(*command.split())
    assert done.returncode in (0, 2), done.stderr
    assert not Path("ran").exists()


#: Marks that leave a trace where they are evaluated: options of a choice, which are code that trials run, ...
OPTIONS = [
    "choice(__import__('os').system('touch ran'))",
    f"choice([{RUNS} for _ in (1,)])",
    "choice([c for c in ().__class__.__base__.__subclasses__() if c.__name__ == '_wrap_close'][0]"
    ".__init__.__globals__['mkdir']('ran'))",
    f'choice(f"{{{RUNS}}}")',
    f"choice((y := {RUNS}))",
    f"choice(eval({RUNS!r}), name='__import__')",
    f"choice(1 if {RUNS} else 2)",
    f"choice({{{RUNS}: 1}})",
]
#: ... and what is no mark.
NO_MARKS = [
    f"uniform(0, exec({RUNS!r}))",
    f"uniform(low=(lambda: {RUNS})(), high=1)",
    f"constraint(exec({RUNS!r}) or x < 1)",
    f"choice(*map(exec, [{RUNS!r}]))",
    f"choice(1, 2)[{RUNS}]",
    f"choice(1, 2) if {RUNS} else 0",
]


def leaves_a_trace(program: str, text: str) -> bool:
    """Tell whether a program that gets a text makes the file by which it is known that it ran."""
    subprocess.run([sys.executable, "-c", program, text], capture_output=True, timeout=60, check=False)
    return Path("ran").exists()


@pytest.mark.parametrize("mark", OPTIONS + NO_MARKS)
def test_a_mark_would_run_where_it_were_evaluated(mark: str) -> None:
    names = "x=0.5, **dict.fromkeys(('choice', 'uniform', 'constraint'), lambda *_, **__: [0])"
    assert leaves_a_trace(f"import sys; eval(sys.argv[1], dict({names}))", mark)


@pytest.mark.parametrize(
    ("mark", "status"), [(mark, 0) for mark in OPTIONS] + [(mark, 2) for mark in NO_MARKS]
)
def test_a_mark_is_evaluated_by_nobody(mark: str, status: int) -> None:
    Path("train.py").write_text(f"{MARKED}y = 1  # hpo: {mark}\n")
    assert hpo("annotate", "train.py").returncode == status
    assert not Path("ran").exists()


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a module lie beside the file, where Python finds it."""
    Path("evil.py").write_text(RUNS)
    monkeypatch.setenv("PYTHONPATH", ".")


#: What PyYAML's `UnsafeLoader` runs, wherever it stands.
TAGS = [
    '!!python/object/apply:os.system ["touch ran"]',
    f'!!python/object/apply:builtins.exec ["{RUNS}"]',
    "!!python/object/apply:os.mkdir {args: [ran]}",
    "!!python/object/apply:subprocess.run [[touch, ran]]",
    "!!python/object/new:tuple [!!python/object/apply:map [!!python/name:os.mkdir , [ran]]]",
    "!!python/module:evil ''",
    "!!python/name:evil.x ''",
]
PLACES = ["experimentName: {}", "tuner: {{name: TPE, classArgs: {{x: {}}}}}", "? {}\n: 1"]
yamls = pytest.mark.parametrize("text", [place.format(tag) for place in PLACES for tag in TAGS])


@yamls
def test_yaml_would_make_objects_where_it_were_constructed(text: str, beside: None) -> None:
    program = "import sys, yaml; yaml.load(sys.argv[1], yaml.UnsafeLoader)"
    assert leaves_a_trace(program, text)


@yamls
def test_yaml_makes_no_objects(text: str, beside: None) -> None:
    Path("config.yml").write_text(f"{text}\n")
    done = hpo("run", "--config", "config.yml")
    assert done.returncode == 2
    assert done.stderr.startswith("config.yml:")
    assert not Path("ran").exists()


def test_a_yaml_that_grows_without_bounds_is_refused() -> None:
    layers = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    layers += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    Path("config.yml").write_text("\n".join([*layers, "trialCommand: 'true'\n"]))
    done = hpo("run", "--config", "config.yml")
    assert done.returncode == 2
    assert "the file stands for more than" in done.stderr


@given(st.dictionaries(st.text(min_size=1), st.text() | st.floats() | st.integers(), min_size=1, max_size=3))
def test_no_value_of_a_parameter_is_more_than_a_word_of_its_command(options: dict[str, object]) -> None:
    def is_storable(text: str) -> bool:
        return ("\0" not in text and text.isascii()) or text.isprintable()

    options = {n: v for n, v in options.items() if is_storable(n) and is_storable(str(v))}
    printed = ShellCommand("printf '%s\\0'").with_options(options)
    done = subprocess.run(["/bin/sh", "-c", printed.text], capture_output=True, check=True)
    words = done.stdout.decode().split("\0")[:-1]
    assert words == ([w for n, v in options.items() for w in (f"--{n}", str(v))] or [""])


def test_a_trial_gets_a_hostile_value_as_it_is() -> None:
    attack = '\'; touch ran; "$(touch ran)" `touch ran` | touch ran &\n#'
    Path("space.json").write_text(json.dumps({"x": {"_type": "choice", "_value": [attack, attack + " "]}}))
    Path("train.sh").write_text('hpo param x > "value-$HPO_TRIAL_SEQUENCE"\nhpo metric 1 --final\n')
    Path("config.yml").write_text(
        "trialCommand: sh train.sh\nsearchSpaceFile: space.json\nmaxTrialNumber: 2\n"
    )
    assert hpo("run", "--config", "config.yml", "--no-web").returncode == 0
    assert not Path("ran").exists()
    assert attack in Path("value-0").read_text()


def test_nothing_is_unpickled_and_no_yaml_is_constructed() -> None:
    """Pickle, marshal and shelve run what they read; so do YAML's own loaders.

    One module may: on a cluster's nodes it calls the function that the user's own program has just sent.
    """
    runs = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
    constructs = {"load", "load_all", "unsafe_load", "full_load", "Loader", "FullLoader", "UnsafeLoader"}
    for path in HOUSE.rglob("*.py"):
        if path == HOUSE / "runtime" / "cluster" / "carried.py":
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            modules += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert runs.isdisjoint(module.split(".")[0] for module in modules), path
            if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] == "yaml":
                assert constructs.isdisjoint(name.name for name in node.names), path
            if isinstance(node, ast.Attribute):
                of = node.value.id if isinstance(node.value, ast.Name) else None
                assert not (of == "yaml" and node.attr in constructs), path
                assert not (of in ("torch", "joblib") and node.attr == "load"), path
                assert node.attr != "read_pickle", path
            assert not (isinstance(node, ast.keyword) and node.arg == "allow_pickle"), path
