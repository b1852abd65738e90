"""Do things one by one, each in a process of its own, while an audit hook watches what the interpreter does.

It is given a JSON list of texts. Each is read as the script ``train.py``, beside which a module lies; one
that begins with ``#!`` is run instead, to see that it is seen. What was done is printed, without what reading
takes.
"""

from __future__ import annotations

import ast
import codecs
import json
import os
import resource
import sys
import tempfile
import unicodedata  # noqa: F401 - the parser of Python needs it for some names
import warnings
from pathlib import Path
from types import FunctionType
from typing import Any

from hpo.annotate.project import annotate
from hpo.annotate.reading import source
from hpo.annotate.trial import check
from hpo.annotate.writing.suggest import suggest
from hpo.errors import HpoError

SECONDS = 10  # of the processor, and then the kernel ends it
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
#: What reading takes; each looks, and changes nothing.
ALLOWED = {"os.listdir", "os.scandir", "sys._getframe", "object.__getattr__", "builtins.id"}

#: Who compiles: the event does not tell what for.
COMPILING = {Path(module.__file__ or "") for module in (ast, source, check)}

seen: list[str] = []
watching = False


def is_allowed(event: str, arguments: tuple[Any, ...]) -> bool:
    if event in ALLOWED:
        return True
    if event == "open":
        return not arguments[2] & WRITING
    if event == "import":  # a script may name its encoding, and Python looks among its own for that
        return str(arguments[0]).startswith("encodings.")
    if event == "compile":  # to a tree, or to be sure that it can be: what was compiled is seen once it runs
        return Path(sys._getframe(2).f_code.co_filename) in COMPILING
    return False


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    if watching and not is_allowed(event, arguments):
        seen.append(f"{event} {arguments}"[:200])


def read(text: str) -> None:
    global watching
    path = Path("train.py")
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    code = compile(text, "run", "exec") if text.startswith("#!") else None
    watching = True
    try:
        if code is not None:
            FunctionType(code, {})()
        else:
            annotate([path])
            suggest(path)
    except Exception as error:
        if not isinstance(error, HpoError):
            seen.append(f"raised {error!r}"[:200])
    finally:
        watching = False


def in_a_process(text: str) -> list[str]:
    """Return what was seen; of one that did not come back, with which signal it ended."""
    with tempfile.TemporaryFile() as file:
        child = os.fork()
        if not child:
            resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
            read(text)
            os.write(file.fileno(), json.dumps(seen).encode())
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        file.seek(0)
        return json.load(file) if status == 0 else [f"ended with {status}"]


if __name__ == "__main__":
    texts = json.loads(Path(sys.argv[1]).read_text())
    warnings.simplefilter("ignore")
    Path("beside.py").write_text("open('ran', 'w')\nLIMIT = 1\n")
    # What is loaded when it is first needed is loaded now.
    for encoding in ("latin-1", "rot13", "hex", "idna", "unicode_escape", "raw_unicode_escape", "utf-7"):
        codecs.lookup(encoding)
    read(
        "import beside\nx = 0.5  # hpo: uniform(0, 1)\n'''@nni.variable(nni.choice(1, 2), name=y)'''\ny = 1\n"
    )
    seen.clear()
    sys.addaudithook(watch)
    print(json.dumps([in_a_process(text) for text in texts]))
