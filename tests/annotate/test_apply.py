"""Values written back: which places are left as they are, and what is said then."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hpo.annotate.project import annotate
from hpo.annotate.writing.apply import apply
from hpo.errors import UsageError


@pytest.mark.parametrize(
    ("ran", "now", "values", "place", "message"),
    [
        ("x = 1\n", "x = 1  # hpo: choice(1, 2)\n", {"x": 2}, (1, 5), "x is not what the trial ran"),
        (
            "x = 1  # hpo: choice(1, 2, 3)\n",
            "x = 1  # hpo: choice(1, 2)\n",
            {"x": 3},
            (1, 5),
            "x was 3, which",
        ),
        ("x = g()  # hpo: uniform(0, 1)\n", None, {"x": 0.5}, (1, 5), "x is no constant here"),
        (
            "x = f(1)  # hpo: choice(f(1), f(a=2))\n",
            None,
            {"x": "f(a=2)"},
            (1, 5),
            "with f(a=2) here, the mark",
        ),
        (
            "'''@hpo.subset([1, 2, 3])'''\ny = [1,  # one\n 2]\n",
            None,
            {"y": [1]},
            (2, 5),
            "a comment in the list of y would be lost",
        ),
        (
            "\nx = 1  # hpo: choice(1, 2)\n",
            "\nx = 1\n",
            {"x": 2},
            (1, 1),
            "x is marked no more, and its value 2",
        ),
    ],
)
def test_a_place_that_a_value_does_not_fit_is_left_and_said(
    tmp_path: Path, ran: str, now: str | None, values: dict[str, Any], place: tuple[int, int], message: str
) -> None:
    path = tmp_path / "train.py"
    path.write_text(ran)
    was = annotate([path])
    path.write_text(now or ran)
    result = apply(annotate([path]), values, was)
    (said,) = result.skipped
    assert ((said.line, said.column), said.severity) == (place, "warning")
    assert said.message.startswith(message)
    assert not result.edits


def test_an_option_of_code_is_known_by_its_text_wherever_it_is_listed(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text("x = f(1)  # hpo: choice(f(1), f(2))\n")
    was = annotate([path])
    path.write_text("x = f(1)  # hpo: choice(f(2), f(3), f(1))\n")
    apply(annotate([path]), {"x": "f(2)"}, was).write()
    assert path.read_text() == "x = f(2)  # hpo: choice(f(2), f(3), f(1))\n"


def test_a_value_without_a_place_is_said_once_of_a_project_of_several_files(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("y = 1  # hpo: choice(1, 2)\n")
    (tmp_path / "train.py").write_text("import model\nx = 1  # hpo: choice(1, 2)\n")
    found = annotate([tmp_path / "train.py"])
    assert len(found.files) == 2
    result = apply(found, {"x": 2, "y": 2, "z": 3})
    assert [d.message.split(",")[0] for d in result.skipped] == ["z is marked no more"]
    result.write()
    assert (tmp_path / "model.py").read_text() == "y = 2  # hpo: choice(1, 2)\n"
    assert (tmp_path / "train.py").read_text() == "import model\nx = 2  # hpo: choice(1, 2)\n"


def test_a_file_that_cannot_be_written_is_whole_and_alone_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text("x = 1  # hpo: choice(1, 2)\n")
    result = apply(annotate([path]), {"x": 2})
    path.unlink()
    path.mkdir()
    with pytest.raises(UsageError, match="was changed while it was looked at"):
        result.write()
    assert list(tmp_path.iterdir()) == [path]


def test_of_files_of_which_one_was_changed_meanwhile_none_is_written(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("y = 1  # hpo: choice(1, 2)\n")
    (tmp_path / "train.py").write_text("import model\nx = 1  # hpo: choice(1, 2)\n")
    result = apply(annotate([tmp_path / "train.py"]), {"x": 2, "y": 2})
    for path in result.edits:
        before = {each: each.read_bytes() for each in result.edits}
        path.write_bytes(before[path] + b"# by hand\n")
        with pytest.raises(UsageError, match=f"{path.name} was changed while it was looked at"):
            result.write()
        assert {each: each.read_bytes().removesuffix(b"# by hand\n") for each in result.edits} == before
        path.write_bytes(before[path])


WRITES = """
from pathlib import Path
from hpo.annotate.project import annotate
from hpo.annotate.writing.apply import apply
apply(annotate([Path("train.py")]), {"x": 2}).write()
"""


@pytest.mark.parametrize(
    ("kept", "why"), [("train.py", "it may only be read"), (".", "nothing may be written in ")]
)
def test_what_may_not_be_written_to_is_left_and_said(tmp_path: Path, kept: str, why: str) -> None:
    (tmp_path / "train.py").write_text("x = 1  # hpo: choice(1, 2)\n")
    (tmp_path / kept).chmod(0o555)
    as_others = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    if as_others and shutil.which("setpriv") is None:
        pytest.skip("root may write anywhere, and there is no setpriv to become less")
    command = [*as_others, sys.executable, "-c", WRITES]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert f"train.py cannot be written: {why}" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["train.py"]
    assert (tmp_path / "train.py").read_text() == "x = 1  # hpo: choice(1, 2)\n"


def test_a_link_that_somebody_put_in_its_way_is_not_followed(tmp_path: Path) -> None:
    path, other = tmp_path / "train.py", tmp_path / "other"
    path.write_text("x = 1  # hpo: choice(1, 2)\n")
    other.write_text("theirs")
    path.with_name(f".{path.name}.{os.getpid()}").symlink_to(other)
    apply(annotate([path]), {"x": 2}).write()
    assert other.read_text() == "theirs"
    assert path.read_text() == "x = 2  # hpo: choice(1, 2)\n"
    assert not path.is_symlink()


@pytest.mark.parametrize(
    ("mark", "value", "written"),
    [
        ('y = ["a", "b"]  # hpo: subset(["a", "b", "c"])', ["a", "c"], '["a", "c"]'),
        ("y = ['a']  # hpo: subset(['a', 'c'])", ["c"], "['c']"),
        ("y = ['a', \"b\"]  # hpo: subset(['a', 'b', 'c'])", ["c"], '["c"]'),
        ("""y = ["a"]  # hpo: subset(["a", "c'", '"'])""", ["c'", '"'], """["c'", '"']"""),
        ("y = [1.50, 2]  # hpo: subset([1.5, 2, 3])", [1.5, 3], "[1.50, 3]"),
    ],
)
def test_items_are_written_as_the_list_has_them(
    tmp_path: Path, mark: str, value: list[Any], written: str
) -> None:
    path = tmp_path / "train.py"
    path.write_text(f"{mark}\n")
    apply(annotate([path]), {"y": value}).write()
    assert path.read_text() == f"y = {written}{mark[mark.index('  #') :]}\n"


def test_a_list_below_an_option_keeps_its_brackets(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    mark = "'''@hpo.choice({'_name': 'a', 'cols': subset(['p', 'q'])}, {'_name': 'b'})'''\n"
    path.write_text(f"{mark}x = {{'_name': 'a', 'cols': ('p',)}}\n")
    apply(annotate([path]), {"x": "a", "x.cols": ["q"]}).write()
    assert path.read_text() == f"{mark}x = {{'_name': 'a', 'cols': ('q',)}}\n"
