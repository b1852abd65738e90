"""What holds for the house as a whole: who imports whom, what is public, what importing costs."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import hpo

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted(
    m.name for m in pkgutil.walk_packages(hpo.__path__, "hpo.") if not m.name.endswith("__main__")
)

# What no trial should pay for: each costs a millisecond at least, some of them a hundred.
HEAVY = {
    *(
        "annotationlib",
        "ast",
        "asyncio",
        "concurrent",
        "dataclasses",
        "email",
        "http",
        "inspect",
        "multiprocessing",
    ),
    *("pathlib", "socket", "sqlite3", "ssl", "subprocess", "threading", "typing", "urllib"),
    *("fastapi", "flask", "starlette", "uvicorn"),
    *("libcst", "numpy", "plotly", "pydantic", "pynvml", "rich", "scipy", "typer", "yaml"),
}


def fresh(code: str, *options: str) -> str:
    """Run code in a new interpreter, and return what it printed."""
    command = [sys.executable, *options, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout


class TestImportingHpo:
    # -S: site and its .pth files import things of their own, which are not ours to count.
    BARE = f"import sys; sys.path.insert(0, {str(ROOT)!r}); "

    def test_it_loads_nothing_heavy(self) -> None:
        loaded = fresh(self.BARE + "import hpo; print(*sys.modules)", "-S").split()
        assert "hpo.trial" in loaded
        assert HEAVY.isdisjoint(loaded), sorted(HEAVY.intersection(loaded))

    def test_asking_for_parameters_and_reporting_loads_nothing_more(self, tmp_path: Path) -> None:
        parameters = tmp_path / "parameters.json"
        parameters.write_text('{"lr": 0.1}')
        inside = {"HPO_TRIAL_DIR": str(tmp_path), "HPO_PARAMETERS": str(parameters)}
        loaded = fresh(
            self.BARE + f"import os; os.environ.update({inside!r})\n"
            "import hpo; assert hpo.get_next_parameter() == {'lr': 0.1}\n"
            "hpo.report_intermediate_result(0.5); hpo.report_final_result(0.5); print(*sys.modules)",
            "-S",
        ).split()
        assert HEAVY.isdisjoint(loaded), sorted(HEAVY.intersection(loaded))

    def test_it_loads_of_the_house_the_marks_and_the_trial_only(self) -> None:
        loaded = fresh(
            self.BARE + "import hpo; print(*(m for m in sys.modules if m.startswith('hpo')))", "-S"
        )
        assert set(loaded.split()) == {"hpo", "hpo.marks", "hpo.trial"}


class TestPublicNames:
    def test_all_of_them_are_there(self) -> None:
        assert len(set(hpo.__all__)) == len(hpo.__all__)
        assert all(getattr(hpo, name) is not None for name in hpo.__all__)
        assert set(hpo.__all__) <= set(dir(hpo))

    def test_what_is_there_and_public_is_listed(self) -> None:
        public = {n for n, v in vars(hpo).items() if not n.startswith("_") and not inspect.ismodule(v)}
        assert public - {"annotations", "TYPE_CHECKING"} <= set(hpo.__all__)

    def test_an_unknown_name_is_an_attribute_error(self) -> None:
        with pytest.raises(AttributeError, match="'hpo' has no attribute 'tunners'"):
            _ = hpo.tunners

    @pytest.mark.parametrize("module", MODULES)
    def test_every_module_and_each_of_its_public_names_is_documented(self, module: str) -> None:
        _, _, framework = module.partition("hpo.integrations.")
        if module.startswith("hpo.experiment.trackers.") and module.endswith("_tracker"):
            framework = module.rpartition(".")[2].removesuffix("_tracker")
        if module == "hpo.mcp":
            framework = "mcp"
        if framework and not framework.startswith("_") and importlib.util.find_spec(framework) is None:
            pytest.skip(f"{framework} is not installed (requirements/ecosystem.txt)")
        loaded = importlib.import_module(module)
        assert loaded.__doc__
        for name in getattr(loaded, "__all__", []):
            thing = getattr(loaded, name)
            if inspect.isfunction(thing) or inspect.isclass(thing):
                assert inspect.getdoc(thing), f"{module}.{name}"

    @pytest.mark.parametrize("name", hpo.__all__)
    def test_every_name_of_hpo_is_documented(self, name: str) -> None:
        assert inspect.getdoc(getattr(hpo, name))


class TestTheHouse:
    def test_the_dependency_rule_holds(self) -> None:
        lint = Path(sys.executable).with_name("lint-imports")
        done = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout

    @pytest.mark.parametrize("room", ["annotate", "runtime", "tuners"])
    def test_the_links_at_the_top_lead_into_the_house(self, room: str) -> None:
        link = ROOT / room
        assert link.is_symlink()
        assert link.readlink() == Path("hpo", room)
        assert (link / "__init__.py").is_file()

    def test_inside_the_house_imports_name_the_defining_module(self) -> None:
        for path in (ROOT / "hpo").rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_bytes())):
                if isinstance(node, ast.ImportFrom) and node.module == "hpo" and path.parent != ROOT / "hpo":
                    public = {alias.name for alias in node.names}.intersection(hpo.__all__)
                    public -= {"figures", "tuners"}
                    assert not public, f"{path}:{node.lineno}: import {public} from where it is defined"

    @pytest.mark.parametrize(
        ("word", "places"),
        [
            ("libcst", {"annotate"}),
            (
                "sqlite3",
                {
                    *("runtime/store.py", "runtime/schema.py", "runtime/queries.py", "runtime/salvage.py"),
                    *("runtime/nni_store.py", "interop/optuna_study.py"),  # the stores of others
                },
            ),
            ("jinja2", {"report"}),
            ("plotly", {"figures", "report"}),
            ("pynvml", {"runtime/devices.py"}),
        ],
    )
    def test_what_has_one_place_is_imported_nowhere_else(self, word: str, places: set[str]) -> None:
        house = ROOT / "hpo"
        for path in house.rglob("*.py"):
            lines = path.read_text().splitlines()
            imports = [x for x in lines if x.lstrip().startswith((f"import {word}", f"from {word}"))]
            where = path.relative_to(house).as_posix()
            assert not imports or any(where.startswith(place) for place in places), f"{where}: {imports}"
