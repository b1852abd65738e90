"""Read the marks of scripts in a process of its own, which ends, and its memory with it.

LibCST takes its time and space; meanwhile this process loads the command line and the tuner. So this module
needs the standard library alone, and the reading of a script that a command line seems to name may `begin`
before anything else.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from hpo.errors import AnnotationError, HpoError

if TYPE_CHECKING:
    from pathlib import Path

    from hpo.annotate.result import AnnotatedProject

__all__ = ["Extraction", "begin"]

# The folder that one stands in is no place to import from: a module there may be called `ast`. And a process
# that is about to end looks for no rubbish, nor is it taken to pieces: that would be a quarter of its time.
_PROGRAM = """
import gc, os, sys
gc.disable()
del sys.path[0]
from hpo.annotate.__main__ import main
main()
sys.stdout.flush()
os._exit(0)
"""


_begun: dict[tuple[str, ...], subprocess.Popen[bytes]] = {}


def begin(*names: str) -> None:
    """Begin to read scripts, by their paths, for an `Extraction` to come; without one it is for nothing."""
    _begun[names] = _reader(names)


def _reader(names: tuple[str, ...]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, *names],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


class Extraction:
    """A reading of scripts and their modules, or of a folder, under way from the moment that this is made."""

    def __init__(self, *paths: Path) -> None:
        names = tuple(map(str, paths))
        self._names = " ".join(names)
        begun = _begun.pop(names, None)
        self._process = _reader(names) if begun is None else begun

    def result(self) -> AnnotatedProject:
        """Return what was found.

        Raises:
            AnnotationError: the marks have mistakes, or the script does not compile.
            HpoError: the process did not get to its end.
        """
        from hpo.annotate.result import AnnotatedProject

        document, words = self._process.communicate()
        if self._process.returncode == -signal.SIGINT:  # Ctrl-C reached it, and perhaps not us
            raise KeyboardInterrupt
        if self._process.returncode != 0:
            last = words.decode("utf-8", "replace").strip().splitlines()[-1:]
            raise HpoError(
                f"{self._names} could not be read: {last[0] if last else self._process.returncode}",
                help=f"hpo annotate {self._names} may say more",
            )
        project = AnnotatedProject.from_json(json.loads(document))
        if project.errors:
            raise AnnotationError(project.errors)
        return project
