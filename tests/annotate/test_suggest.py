"""Marks that are proposed: for what, with which domain, and for what not."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest

from hpo.annotate.project import annotate
from hpo.annotate.writing.suggest import suggest
from hpo.errors import AnnotationError


def suggested(folder: Path, text: str) -> dict[int, str]:
    """Return the marks that are proposed for a text, by line."""
    path = folder / "train.py"
    path.write_text(text)
    result = suggest(path)
    (edits,) = result.edits.values() or [()]
    file = result.sources[path] if result.edits else None
    return {file.line_of(e.start): e.text.removeprefix("  # hpo: ") for e in edits if file is not None}


@pytest.mark.parametrize(
    ("line", "mark"),
    [
        ("lr = 0.01", "loguniform(1e-4, 1)"),
        ("LEARNING_RATE = 3e-4", "loguniform(1e-6, 1e-2)"),
        ("self.dropout = 0.5", "uniform(0, 0.8)"),
        ("weight_decay: float = 0.0", "choice(0.0, 1e-5, 1e-4, 1e-3, 1e-2)"),
        ("fit(batch_size=32, verbose=True)", "batch_size=choice(8, 16, 32, 64, 128)"),
        ("c = {'n_estimators': 100}", "randint(25, 401)"),
        ("optimizer = 'adam'", 'choice("sgd", "adam", "adamw", "rmsprop")'),
        ("def f(momentum=0.9): ...", "uniform(0, 0.99)"),
        ("lr = 0.1  # type: ignore", "loguniform(1e-3, 1)"),
        ("p.add_argument('--lr', default=0.01)", "loguniform(1e-4, 1)"),
        ("p.add_argument('--lr', default=0.01, type=float)", "lr=loguniform(1e-4, 1)"),
        ("p.add_argument('--batch-size', default=8, choices=[8, 16])", "batch_size=choice(8, 16)"),
        (
            "p.add_argument('-a', '--act', default='elu', choices=('elu', 'relu'))",
            'act=choice("elu", "relu")',
        ),
        ("@option('--batch-size', default=8)", "choice(2, 4, 8, 16, 32)"),
        ("@option('--opt', type=click.Choice(['a', 'b']), default='b')", 'opt=choice("a", "b")'),
        ("optimizer: Literal['sgd', 'lion'] = 'lion'", 'choice("sgd", "lion")'),
        ("def f(lr: Annotated[Literal[0.1, 0.2], Option()] = 0.1): ...", "choice(0.1, 0.2)"),
    ],
)
def test_a_well_known_name_is_marked_with_a_domain_around_its_value(
    tmp_path: Path, line: str, mark: str
) -> None:
    text = f"{line}\ndef f(): ...\n" if line.startswith("@") else f"{line}\n"
    found = suggested(tmp_path, text)
    assert found == {1: mark}


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("from torch.optim.lr_scheduler import StepLR\nStepLR(o, gamma=0.1)\n", "uniform(0.05, 0.8)"),
        ("import torch.optim as optim\noptim.lr_scheduler.ExponentialLR(o, gamma=0.95)\n", "uniform(0.8, 1)"),
        ("import xgboost\nparams = {'objective': 'x', 'eta': 0.3}\n", "eta=loguniform(1e-3, 1)"),
        ("import xgboost\nparams = dict(booster=b, lambda_=1, gamma=0)\n", "gamma=uniform(0, 5)"),
        ("import lightgbm\np = {\n'objective': 'x',\n 'lambda': 1}\n", "loguniform(1e-3, 1e2)"),
        ("import lightgbm\nlightgbm.LGBMClassifier(reg_alpha=0)\n", "choice(0, 1e-3, 1e-2, 0.1, 1, 10)"),
        ("from sklearn.svm import SVC\nSVC(gamma='scale')\n", 'choice("scale", "auto")'),
    ],
)
def test_a_short_name_means_what_its_library_means_by_it(tmp_path: Path, text: str, mark: str) -> None:
    assert list(suggested(tmp_path, text).values()) == [mark]


def test_what_is_proposed_is_a_search_space_with_the_options_names(tmp_path: Path) -> None:
    text = (
        "import click, typer\nfrom sklearn.svm import SVC\nimport torch.nn as nn\n"
        "parser.add_argument('--lr', type=float, default=0.01)\n"
        "@click.option('--weight-decay', default=1e-4)\n"
        "def main(dropout: float = typer.Option(default=0.1)):\n"
        "    return SVC(C=1.0, kernel='rbf'), nn.Dropout(p=0.5)\n"
    )
    (tmp_path / "train.py").write_text(text)
    suggest(tmp_path / "train.py").write()
    found = annotate([tmp_path / "train.py"])
    assert not found.diagnostics
    assert list(found.space) == ["lr", "weight_decay", "dropout", "C", "kernel", "p"]
    assert found.space.default_configuration()["C"] == 1.0


@pytest.mark.parametrize(
    "text",
    [
        "plot(x, alpha=0.5)\n",  # of a library that learns nothing
        "params = {'objective': 'x', 'eta': 0.3}\n",  # no booster is imported
        "import xgboost\nangles = {'alpha': 0.5, 'eta': 0.3}\n",
        "p.add_argument('--device', choices=['cpu', 'cuda'], default='cpu')\n",
        "p.add_argument('--act', choices=ACTS, default='a')\n",
        "p.add_argument('--act', choices=['a', 'b'], default='c')\n",
        "p.add_argument('--act', choices=['a'], default='a')\n",
        "side: Literal['left', 'right'] = 'left'\n",
        "import matplotlib.pyplot as plt\nplt.plot(x, alpha=0.5)\n",
        "epsilon = 1e-8\nname = 'adam'\n",
        "lr = schedule(0.1)\n",
        "lr = -0.1\ndropout = 3\nbatch_size = 2.5\nlr = True\noptimizer = 'mine'\n",
        "x = '''lr = 0.1'''\n",
        "lr = 0.1  # hpo: uniform(0, 1)\n",
        "'''@hpo.uniform(0, 1)'''\nlr = 0.1\n",
        "lr = \\\n    0.1 + \\\n    0\n",
        "f'{dict(lr=0.1)}'\n",
        "momentum = 0.9\nmomentum = 0.9  # hpo: uniform(0, 1)\n",  # one value, whose domain is known
        "f(lr=0.1, x=g(lr=0.2))\n",  # one name, two values on a line
        "f(lr=0.1, text='''\n''')\n",  # the line ends inside a string
        "f(lr=0.1), \\\n    1\n",  # or with a backslash
        "lr = 0.1  # not with hpo: it is fixed\n",
        "",
    ],
)
def test_what_could_mean_something_else_is_left_alone(tmp_path: Path, text: str) -> None:
    assert suggested(tmp_path, text) == {}


def test_namesakes_with_two_domains_are_not_proposed_together(tmp_path: Path) -> None:
    found = suggested(tmp_path, "lr = 0.1\nif fast:\n    lr = 0.001\n")
    assert len(found) <= 1


def test_what_is_marked_already_stays_and_nothing_is_proposed_twice(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_bytes(b"lr = 0.1  # hpo: uniform(0, 1)\r\ndropout = 0.5\r\n")
    suggest(path).write()
    assert path.read_bytes() == (
        b"lr = 0.1  # hpo: uniform(0, 1)\r\ndropout = 0.5  # hpo: uniform(0, 0.8)\r\n"
    )
    assert not suggest(path).edits


def test_a_script_with_a_mistake_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text("lr = 0.1  # hpo: uniform(1)\n")
    with pytest.raises(AnnotationError):
        suggest(path)


def test_whatever_is_proposed_for_real_files_is_a_mark_without_a_mistake(tmp_path: Path) -> None:
    library = Path(sysconfig.get_paths()["purelib"])
    files = [
        *library.glob("hyperopt/*.py"),
        *library.glob("sklearn/ensemble/_*.py"),
        *library.glob("cmaes/*.py"),
    ]
    marked = 0
    for source in files:
        copy = tmp_path / source.name
        copy.write_bytes(source.read_bytes())
        result = suggest(copy)
        result.write()
        found = annotate([copy])
        assert not found.diagnostics, "\n".join(map(str, found.diagnostics))
        marked += len(found.parameters)
        after = copy.read_bytes().splitlines()
        assert all(
            b.startswith(a.rstrip()) for a, b in zip(source.read_bytes().splitlines(), after, strict=True)
        )
    assert marked
