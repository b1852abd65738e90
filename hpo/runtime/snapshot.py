"""The code of an experiment, frozen: trials run it as it was when the experiment started.

``code/original/`` holds the user's files, ``code/trial/`` the same files parameterised, and
``code/manifest.json`` says which of the user's paths each stands for, and where their columns differ (see
`positions`); ``code/digests.json`` says what all of them held. Hooks give the trial its frozen text under the
user's own path, so `__file__`, tracebacks and data files are as ever: one where a module is imported, one
where a Python that the trial starts runs a script (``HPO_CODE`` in its environment names the folder, and
`shims/sitecustomize.py` installs the hooks).
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import decode_source, spec_from_file_location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import CodeType, ModuleType
    from typing import Any

    from hpo.errors import StoreError

_DIGESTS = "digests.json"

__all__ = ["Snapshot", "changed", "check", "freeze", "has_files", "move", "read_manifest", "seal"]


def freeze(
    directory: Path,
    files: Mapping[Path, tuple[bytes, bytes]],
    root: Path,
    stretches: Mapping[Path, Sequence[Sequence[int]]] | None = None,
) -> None:
    """Write the snapshot of an experiment.

    Args:
        directory: the snapshot's own folder, made here.
        files: the user's paths (absolute, inside `root`), each with its text and its parameterised text.
        root: the code directory.
        stretches: where the columns of parameterised files differ from the script's.
    """
    for path, (original, parameterised) in files.items():
        for kind, text in (("original", original), ("trial", parameterised)):
            target = directory / kind / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text)
    manifest = {
        "root": str(root),
        "files": [str(path.relative_to(root)) for path in files],
        "stretches": {str(path.relative_to(root)): each for path, each in (stretches or {}).items() if each},
    }
    directory.mkdir(exist_ok=True)
    (directory / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")


def has_files(directory: str) -> bool:
    """Tell whether each file of a snapshot is where the user has it."""
    manifest = read_manifest(directory)
    return all(os.path.isfile(os.path.join(manifest["root"], name)) for name in manifest["files"])  # noqa: PTH113, PTH118


def seal(directory: Path) -> None:
    """Note what all files of a snapshot hold, so that `check` sees what was changed."""
    files = [path for path in directory.rglob("*") if path.is_file()]
    digests = {str(path.relative_to(directory)): _digest(str(path)) for path in files}
    (directory / _DIGESTS).write_text(json.dumps(digests, indent=1), encoding="utf-8")


def check(directory: str) -> None:
    """Look whether the files of a snapshot are there, and hold what they held.

    Raises:
        StoreError: one is not, or not what it was, or it cannot be read which there are.
    """
    try:
        for name, digest in _digests(directory).items():
            if _digest(os.path.join(directory, name)) != digest and digest is not None:  # noqa: PTH118
                raise ValueError(f"{name} is not what it was")
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise _damaged(directory, error) from error


def _digests(directory: str) -> dict[str, str | None]:
    """Return what each file of a snapshot held; of one that an earlier hpo froze that is not known."""
    files = read_manifest(directory)["files"]
    try:
        with open(os.path.join(directory, _DIGESTS), encoding="utf-8") as file:  # noqa: PTH118, PTH123
            return dict(json.load(file))
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{_DIGESTS} cannot be read: {error}") from error
    except FileNotFoundError:
        return {os.path.join(kind, name): None for kind in ("original", "trial") for name in files}  # noqa: PTH118


def _digest(path: str) -> str:
    from hashlib import blake2b  # trials have no use for it

    with open(path, "rb") as file:  # noqa: PTH123
        return blake2b(file.read(), digest_size=16).hexdigest()


def changed(directory: str) -> list[str]:
    """Return the names of the user's files that are no longer as a snapshot has them."""
    if not os.path.exists(os.path.join(directory, "manifest.json")):  # noqa: PTH110, PTH118 - there is no script
        return []
    manifest = read_manifest(directory)
    frozen, own = os.path.join(directory, "original"), manifest["root"]  # noqa: PTH118
    return [name for name in manifest["files"] if _content(frozen, name) != _content(own, name)]


def _content(folder: str, name: str) -> bytes | None:
    try:
        with open(os.path.join(folder, name), "rb") as file:  # noqa: PTH118, PTH123
            return file.read()
    except OSError:
        return None


def read_manifest(directory: str) -> dict[str, Any]:
    """Return what a snapshot has: its ``root``, the names of its ``files``, and their ``stretches``.

    Raises:
        StoreError: it cannot be read.
    """
    path = os.path.join(directory, "manifest.json")  # noqa: PTH118
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123
            manifest: dict[str, Any] = json.load(file)
        os.path.join(manifest["root"], *manifest["files"], *manifest.get("stretches", ()))  # noqa: PTH118
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        what = error if isinstance(error, OSError) else f"manifest.json cannot be read: {error}"
        raise _damaged(directory, what) from error
    return manifest


def _damaged(directory: str, error: Exception | str) -> StoreError:
    from hpo.errors import StoreError

    return StoreError(
        f"the code that was frozen is gone or damaged: {error}",
        help=f"put {directory} back from a copy, or begin anew: trials and results are not touched by that",
    )


def move(directory: str, root: str) -> str:
    """Let the files of a snapshot stand for those of another code directory; return which it was."""
    path = os.path.join(directory, "manifest.json")  # noqa: PTH118
    manifest = read_manifest(directory)
    before = str(manifest["root"])
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump({**manifest, "root": root}, file, indent=1)
    return before


class Snapshot:
    """The frozen files, by the user's own paths. Loaded in the fork server; cheap, and compiled once.

    Attributes:
        loaded: the names of the modules that were imported from it.
    """

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.loaded: list[str] = []
        manifest = read_manifest(directory)
        self.root: str = manifest["root"]
        self._relative = {os.path.join(self.root, name): name for name in manifest["files"]}  # noqa: PTH118
        self._stretches: dict[str, list[list[int]]] = manifest.get("stretches", {})
        self._codes: dict[str, CodeType] = {}

    def __contains__(self, path: str) -> bool:
        return path in self._relative

    def text(self, path: str, kind: str) -> bytes:
        """Return a frozen file's bytes; `kind` is ``original`` or ``trial``."""
        with open(os.path.join(self.directory, kind, self._relative[path]), "rb") as file:  # noqa: PTH118, PTH123
            return file.read()

    def code(self, path: str, shown: str | None = None) -> CodeType:
        """Return the compiled parameterised file, whose tracebacks name the path `shown` (or its own)."""
        code = self._codes.get(path)
        if code is None or code.co_filename != (shown or path):
            code = self._codes[path] = self._compiled(path, shown or path)
        return code

    def compile(self) -> None:
        """Compile the parameterised files, once for all the trials that are forked from this process."""
        for name in self._stretches:
            path = os.path.join(self.root, name)  # noqa: PTH118
            self.code_ahead(path, path)

    def code_ahead(self, path: str, shown: str) -> CodeType | None:
        """Return a file's code, as `code` does, ahead of the trial that runs it.

        None where it does not compile, or not without a warning: that trial is to say so.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", SyntaxWarning)
                return self.code(path, shown)
        except Exception:
            return None

    def _compiled(self, path: str, shown: str) -> CodeType:
        text = self.text(path, "trial")
        stretches = self._stretches.get(self._relative[path])
        if stretches:
            from hpo.runtime.positions import with_own_columns

            try:
                return compile(with_own_columns(text, stretches), shown, "exec", dont_inherit=True)
            except RecursionError:  # a tree may be too deep where its text is not: then the lines must do
                pass
        return compile(text, shown, "exec", dont_inherit=True)

    def show_frozen_lines(self) -> None:
        """Let tracebacks quote the user's frozen lines, whatever the files say by now."""
        import linecache

        for path in self._relative:
            try:
                text = decode_source(self.text(path, "original"))
            except (SyntaxError, UnicodeError):  # it may be imported by nobody, or by who bears that it fails
                continue
            # No modification time: linecache then never looks at the disk again.
            lines = [f"{line}\n" for line in text.split("\n")]  # `splitlines` would part at form feeds, too
            linecache.cache[path] = (len(text), None, lines, path)

    def install(self) -> None:
        """Let frozen modules and scripts be loaded from their frozen text."""
        # Where Python looks for files: what is built into it goes before a file of that name.
        sys.meta_path.insert(sys.meta_path.index(PathFinder), _FrozenFinder(self))
        sys.path_hooks.insert(0, self._entry)
        if os.path.exists(os.path.join(self.directory, "settings.json")):  # noqa: PTH110, PTH118
            from hpo.runtime import settings

            settings.install(self.directory, self.root)

    def _entry(self, path: str) -> _FrozenScript:
        """Answer for a frozen script; Python asks, as about an entry of `sys.path`, before it runs a file."""
        if os.path.realpath(path) not in self:
            raise ImportError(path)
        return _FrozenScript(path, self)


class _FrozenFinder:
    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or spec.origin is None or spec.origin not in self.snapshot or name == "__main__":
            return None
        try:
            self.snapshot.code(spec.origin)
            spec.loader = _FrozenLoader(name, spec.origin, self.snapshot)
        except Exception:
            spec.loader = _BrokenLoader(name, spec.origin, self.snapshot)
        return spec


class _FrozenLoader(SourceFileLoader):
    """Load a module from its frozen text.

    Python leaves its own loaders out of tracebacks, and would not leave out a function of ours: so none of
    these is running while a module is.
    """

    def __init__(self, name: str, path: str, snapshot: Snapshot) -> None:
        super().__init__(name, path)
        self._snapshot = snapshot

    def create_module(self, spec: ModuleSpec) -> None:
        self._snapshot.loaded.append(spec.name)

    def get_code(self, fullname: str) -> CodeType:
        return self._snapshot.code(self.path)

    def get_source(self, fullname: str) -> str:
        return decode_source(self._snapshot.text(self.path, "original"))

    def get_data(self, path: Any) -> bytes:
        return self._snapshot.text(self.path, "original") if path == self.path else super().get_data(path)


class _BrokenLoader(_FrozenLoader):
    """Load what does not compile: Python's own loader finds that out, and is left out of the traceback."""

    get_code = SourceFileLoader.get_code  # type: ignore[assignment]

    def path_stats(self, path: Any) -> Any:
        raise OSError  # the file on the disk, and what is cached of it, are not what is loaded

    def get_data(self, path: Any) -> bytes:
        return self._snapshot.text(self.path, "trial")


class _FrozenScript:
    """A frozen script as an entry of `sys.path`, which is what Python first takes a file for that it runs.

    If it were an archive with a `__main__`, that would be loaded from here; so this is its own loader.
    """

    def __init__(self, path: str, snapshot: Snapshot) -> None:
        self.path, self.snapshot = os.path.abspath(path), snapshot  # noqa: PTH100
        self._given = path
        self._is_command = "runpy" not in sys.modules  # ``python SCRIPT`` asks before it loads that

    def find_spec(self, name: str, target: ModuleType | None = None) -> ModuleSpec | None:
        is_main = name == "__main__"
        return spec_from_file_location(name, self.path, loader=self) if is_main else None  # type: ignore[arg-type]

    def get_code(self, fullname: str) -> CodeType:
        return compile("__loader__.run(globals())", self.path, "exec", dont_inherit=True)

    def run(self, namespace: dict[str, Any]) -> None:
        """Run as ``python SCRIPT`` does, or as `runpy` runs a file: its namespace tells of no archive."""
        if self._is_command:
            from hpo.runtime.execfile import run_script

            run_script(sys.argv[0], sys.argv[1:], self.snapshot)
        package = namespace["__name__"].rpartition(".")[0]
        none = dict.fromkeys(("__spec__", "__loader__", "__cached__"))
        namespace.update(none, __package__=package, __file__=self._given)
        exec(self.snapshot.code(os.path.realpath(self.path), self.path), namespace)  # noqa: S102
