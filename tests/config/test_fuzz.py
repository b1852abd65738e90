"""Whatever a file holds, it is read, or refused with its mistakes: nothing else is ever raised."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from hpo.config.generations import Place, places
from hpo.config.loader import load
from hpo.config.model import Config
from hpo.config.nni_v1 import V1
from hpo.config.nni_v2 import V2
from hpo.config.space_file import load_space
from hpo.errors import ConfigError, UsageError
from hpo.space import SearchSpace

FIXTURES = Path(__file__).parent / "fixtures"
SEEDS = [path.read_text() for path in sorted(FIXTURES.iterdir())]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a search space that files may name."""
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "search_space.json").write_text((FIXTURES / "search_space.json").read_text())
    return folder


def read(path: Path) -> Config | None:
    """Read a file, or check that what refuses it speaks of it."""
    try:
        return load(path)
    except UsageError as error:
        check(error)
        return None


def check(error: UsageError) -> None:
    """Check that an error has a message, and its diagnostics a code and a place in their file."""
    assert error.message
    assert not isinstance(error, ConfigError) or error.diagnostics
    for found in error.diagnostics if isinstance(error, ConfigError) else ():
        lines = Path(found.file).read_bytes().decode("utf-8-sig").splitlines()
        assert found.code.startswith("HPO5")
        assert (1, 1) <= (found.line, found.column) <= (found.end_line, found.end_column)
        assert found.end_line <= len(lines) + 1


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(0, 5)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        [
            "local", "remote", "TPE", "random", "maximize", "python train.py", ".", "1h", "0,3", "info",
            "search_space.json", "uniform", "choice", "randint", "sgd", 10**400, -1, 1e308,
        ]
    )
)  # fmt: skip
keys = st.sampled_from(
    ["_type", "_value", "_when", "_name", "lr", "opt", "seed", "optimize_mode", "tpe_args"]
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(keys | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@st.composite
def settings_of(draw: st.DrawFn) -> dict[str, Any]:
    """Draw settings: fields of one generation, at times of both, with values that are right, or wrong."""
    pools: list[list[Place]] = [list(places(V1)), list(places(V2)), [*places(V1), *places(V2)]]
    settings: dict[str, Any] = {}
    for place in draw(st.lists(st.sampled_from(draw(st.sampled_from(pools))), max_size=8)):
        inner = settings
        for part in place[:-1]:
            inner = inner.setdefault(part, {}) if isinstance(inner, dict) else {}
        if isinstance(inner, dict):
            inner[place[-1]] = draw(values)
    return settings


@given(settings_of())
@example({"objectives": {"acc": "biggest"}})  # once read again and again for ever
@example({"objectives": ["acc", {"a": "b", "c": "d"}]})
def test_any_settings_in_json(folder: Path, settings: dict[str, Any]) -> None:
    (folder / "config.json").write_text(json.dumps(settings))
    read(folder / "config.json")


@given(settings_of())
def test_any_settings_in_yaml(folder: Path, settings: dict[str, Any]) -> None:
    (folder / "config.yml").write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    read(folder / "config.yml")


@given(st.sampled_from(SEEDS), st.data())
def test_a_file_with_slips_of_the_pen(folder: Path, text: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(start + 5, len(text))))
        text = (
            text[:start]
            + data.draw(st.text(max_size=3) | st.sampled_from(list("{}[]:,&*#!|>'\"\t\n- ")))
            + text[end:]
        )
    for name in ("slips.yml", "slips.json"):
        (folder / name).write_text(text, encoding="utf-8", errors="replace")
        read(folder / name)


parameters = st.fixed_dictionaries(
    {
        "_type": st.sampled_from(["choice", "randint", "uniform", "quniform", "loguniform", "normal"])
        | values,
        "_value": st.lists(values, max_size=3) | values,
    },
    optional={"_when": values | st.dictionaries(st.sampled_from(["lr", "opt"]), values, max_size=2)},
)


@given(st.dictionaries(st.sampled_from(["lr", "opt", "depth", "lr.size"]), parameters | values, max_size=4))
def test_any_search_space(folder: Path, space: dict[str, Any]) -> None:
    (folder / "space.json").write_text(json.dumps(space))
    try:
        read_space = load_space(folder / "space.json")
    except UsageError as error:
        check(error)
    else:
        assert SearchSpace.from_json(read_space.to_json()) == read_space


def test_the_seeds_are_read(folder: Path) -> None:
    for name in ("config.yml", "config_gpu.yml"):
        (folder / name).write_text((FIXTURES / name).read_text())
        assert read(folder / name) is not None
