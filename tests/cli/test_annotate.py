"""`hpo annotate` in editors, hooks and CI: what it prints, and how it ends."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from commands import here

ROOT = Path(__file__).parents[2]
WRONG = "lr = 0.01  # hpo: uniform('100%', 1)\n"


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def annotate(*arguments: str, code: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hpo", "annotate", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_check_is_silent_where_all_is_well() -> None:
    Path("train.py").write_text("lr = 0.01  # hpo: uniform(0, 1)\n")
    done = annotate("--check", "train.py", code=0)
    assert done.stdout == done.stderr == ""


def test_check_goes_through_a_warning_and_fails_with_an_error() -> None:
    Path("train.py").write_text("lr = 7  # hpo: uniform(0, 1)\n")
    assert "[HPO233]" in annotate("--check", "train.py", code=0).stderr
    Path("train.py").write_text(WRONG)
    assert annotate("--check", "train.py", code=2).stderr.startswith("train.py:1:27: error: ")


def test_domains_are_shown_as_their_marks_have_them() -> None:
    Path("train.py").write_text(
        """'''@hpo.choice({"_name": "conv", "size": hpo.choice(1, 3)}, {"_name": "pool"}, name=layer)'''
layer = {"_name": "pool"}
'''@hpo.mutable_layers({layer_choice: [conv(size=1), pool()], optional_inputs: [x, layer],
    optional_input_size: [0, 1], layer_output: out})'''
act = relu  # hpo: choice(relu, "none", 1e-3)
"""
    )
    shown = annotate("train.py", code=0).stdout
    for domain in (
        'choice({"_name": "conv", "size": layer.size}, {"_name": "pool"})',
        "choice(conv(size=1), pool())",
        "choice([], [x], [layer])",
        'choice(relu, "none", 1e-3)',
    ):
        assert f"  {domain}  " in shown


def test_lists_the_budget_and_the_rules_are_shown_beneath() -> None:
    Path("train.py").write_text(
        """import hpo
x = 0.5  # hpo: uniform(0, 1)
# hpo: constraint(x <= 0.75)
columns = ["a"]  # hpo: subset(["a", "b", "c"], max=2)
for epoch in hpo.fidelity(range(5)):
    pass
"""
    )
    shown = here("annotate", "train.py")[0]
    assert '  subset(["a", "b", "c"], max=2)  ' in shown
    assert shown.endswith("only where x <= 0.75  (train.py:3)\nthe budget is 5 passes  (train.py:5)\n")
    text = Path("train.py").read_text().replace("range(5)", "loader")
    Path("train.py").write_text(text)
    assert here("annotate", "train.py")[0].endswith("the budget is a number of passes  (train.py:5)\n")


def test_a_script_without_marks_is_told_how_they_are_made() -> None:
    Path("train.py").write_text("lr = 0.01\n")
    said, complaint = here("annotate", "train.py")
    assert said == ""
    assert complaint.startswith("No marks found. Mark a value: lr = 0.01  # hpo: loguniform(1e-5, 1e-1)\n")


def test_a_form_that_there_is_not_is_a_mistake() -> None:
    Path("train.py").write_text("lr = 0.01  # hpo: uniform(0, 1)\n")
    said = here("annotate", "train.py", "--format", "xml", code=2)[1]
    assert said == "hpo: there is no format xml\n  the formats are text, json and github\n"


def test_scripts_that_are_checked_together_are_no_one_program() -> None:
    Path("other.py").write_text("shared = 1  # hpo: choice(1, 2, name=n)\n")
    for name, domain in (("one", "choice(1, 2, name=lr)"), ("two", "choice(1, 3, name=lr)")):
        Path(f"{name}.py").write_text(f"import other\nx = 1  # hpo: {domain}\n")
    Path("broken.py").write_text("x = (\n")  # and no mark in it
    annotate("--check", "one.py", "two.py", "broken.py", "other.py", code=0)
    Path("other.py").write_text(WRONG)
    said = annotate("--check", "one.py", "two.py", "missing.py", code=2).stderr
    assert "there is no file missing.py" in said
    said = annotate("--check", "one.py", "two.py", code=2).stderr
    assert re.findall(r"^\w+\.py", said, re.MULTILINE) == ["other.py"]


def test_github_is_told_in_its_own_form() -> None:
    Path("a,b:c.py").write_text(WRONG)
    assert annotate("--check", "--format", "github", "a,b:c.py", code=2).stdout == (
        "::error file=a%2Cb%3Ac.py,line=1,col=27,endLine=1,endColumn=33,title=HPO204::"
        "low of uniform is '100%25', which is no finite number (write uniform(low, high))\n"
    )
    Path("train.py").write_text("lr = 0.01  # hpo: uniform(0, 1)\n")
    assert here("annotate", "--format", "github", "train.py") == ("", "")


def test_the_hook_for_pre_commit_calls_what_there_is() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    Path("good.py").write_text("lr = 0.01  # hpo: uniform(0, 1)\n")
    Path("wrong.py").write_text(WRONG)
    program, command, *options = hook["entry"].split()
    assert (program, command) == ("hpo", "annotate")
    annotate(*options, "good.py", code=0)
    assert re.findall(r"^\w+\.py", annotate(*options, "good.py", "wrong.py", code=2).stderr) == ["wrong.py"]
