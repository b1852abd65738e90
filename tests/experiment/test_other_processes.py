"""The processes that a trial starts run the experiment's code, too: with the trial's values."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commands import data, trials

POOL = """import multiprocessing, sys
x = 1  # hpo: choice(2, 3, 4)

def tell(queue):
    queue.put((x, __name__, __spec__, __file__))

if __name__ == "__main__":
    import hpo
    context = multiprocessing.get_context(sys.argv[1])
    queue = context.Queue()
    child = context.Process(target=tell, args=(queue,))
    child.start()
    seen, name, spec, file = queue.get()
    child.join()
    assert (name, spec, file) == ("__mp_main__", None, __file__)
    hpo.report_final_result(seen)
"""
# What a script sees of itself is the same, whoever runs it.
TRAIN = """import json, sys
x = 1  # hpo: choice(1, 2, 3)
import beside
seen = [__name__, __file__, repr(__spec__), __package__, sys.argv, sys.path[0]]
json.dump(seen, open("seen.json", "w"))
'''@nni.report_final_result(x * beside.y)'''
"""
BESIDE = "y = 1  # hpo: choice(1, 3, 5)\n"


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def hpo(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "hpo", *arguments], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_process_of_a_pool_has_the_values_of_the_trial(method: str) -> None:
    Path("train.py").write_text(POOL)
    hpo("run", "train.py", "--tuner", "GridSearch", "--max-trials", "4", "--", method)
    assert [t["value"] for t in trials()] == [1, 2, 3, 4]


def configure(command: str) -> None:
    Path("train.py").write_text(TRAIN)
    Path("beside.py").write_text(BESIDE)
    Path("run.sh").write_text("python train.py\n")
    settings = {"trialCommand": command, "useAnnotation": True, "maxTrialNumber": 4, "seed": 2}
    Path("config.yml").write_text(json.dumps({**settings, "tuner": {"name": "Random"}}))


COMMANDS = [
    "python -u train.py --width 3",
    "OMP_NUM_THREADS=1 python train.py",
    "python -m train",
    "python train.py 'two words'",
    "cd . && exec python train.py",
    "sh run.sh",
    "OTHER train.py",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_marked_script_has_the_values_whatever_command_runs_it(command: str) -> None:
    if "OTHER" in command:  # a Python of another environment, where hpo is not installed
        other = shutil.which("python3", path="/usr/bin")
        if other is None or os.path.samefile(other, sys.executable):
            pytest.skip("there is no other Python")
        command = command.replace("OTHER", other)
    configure(command)
    hpo("run", "--config", "config.yml")
    for trial in trials():
        assert trial["value"] == trial["parameters"]["x"] * trial["parameters"]["y"]
    assert len({t["value"] for t in trials()}) > 1
    seen = Path("seen.json").read_text()
    if "-m" not in command:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        subprocess.run(command, shell=True, check=True, env={**os.environ, "PATH": path})
        assert Path("seen.json").read_text() == seen


def test_the_values_are_written_back_into_what_a_command_runs() -> None:
    configure("sh run.sh")
    hpo("run", "--config", "config.yml")
    best = data("best")["parameters"]
    hpo("apply", "--write")
    assert f"x = {best['x']}  # hpo" in Path("train.py").read_text()
    assert f"y = {best['y']}  # hpo" in Path("beside.py").read_text()
    assert "run more than one script: sh run.sh" in hpo("trial", "code", "1", code=2).stderr


def test_a_sitecustomize_of_the_users_own_runs_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    configure("python -u train.py")
    Path("site").mkdir()
    Path("site/sitecustomize.py").write_text("import sys\nsys.greeting = 'hello'\n")
    monkeypatch.setenv("PYTHONPATH", "site")
    with Path("train.py").open("a") as file:
        file.write("assert sys.greeting == 'hello' and sys.modules['sitecustomize'].sys is sys\n")
    hpo("run", "--config", "config.yml")
    assert {t["detail"] for t in trials()} == {None}


def test_the_modules_of_a_script_behind_a_link_are_read_where_they_are() -> None:
    configure("")
    Path("bin").mkdir()
    Path("bin/tune").symlink_to("../train.py")
    found = json.loads(hpo("annotate", "bin/tune", "--format", "json").stdout)
    assert found["diagnostics"] == []
    assert [p["name"] for p in found["parameters"]] == ["x", "y"]


@pytest.mark.parametrize(
    ("command", "space", "note"),
    [
        ("bash run.sh", '{"x": {"_type": "choice", "_value": [1, 2]}}', "so its files are not frozen"),
        ("echo && python train.py", None, "only Python files with marks and their modules are frozen"),
        (f"{sys.executable} train.py", None, None),
    ],
)
def test_it_says_what_of_a_command_is_not_frozen(command: str, space: str | None, note: str | None) -> None:
    Path("run.sh").write_text(f"{sys.executable} -m hpo metric 1 --final\n")
    Path("train.py").write_text(TRAIN)
    Path("beside.py").write_text(BESIDE)
    Path("config.yml").write_text(f"trialCommand: {command}\ntrialConcurrency: 1\nmaxTrialNumber: 1\n")
    Path("space.json").write_text(space or "")
    given = [] if space is None else ["--space", "space.json"]
    said = hpo("run", "--config", "config.yml", "--tuner", "Random", *given).stderr
    assert ("frozen" in said) == (note is not None)
    assert note is None or note in said
