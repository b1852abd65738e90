"""Scripts and marks that want to be run: an audit hook sees what the interpreter does while they are read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

WATCHED = Path(__file__).with_name("watched.py")
RUNS = "open('ran', 'w')"
EXPRESSIONS = [
    RUNS,
    "__import__('os').system('touch ran')",
    "__import__('beside').LIMIT",
    "exec('import beside')",
    "eval(compile('1', 'x', 'eval'))",
    f"(lambda: {RUNS})()",
    f"(y := {RUNS})",
    f"[{RUNS} for _ in range(3)]",
    f"{{k: {RUNS} for k in 'ab'}}",
    f"next({RUNS} for _ in 'a')",
    f"f'{{{RUNS}!r:{{1}}}}'",
    "f\"{__import__('os').system('touch ran')}\"",
    "().__class__.__base__.__subclasses__()",
    "().__class__.__mro__[1].__init__.__globals__['x']",
    "10**10**9",
    "9**9**9**9",
    "1 << 10**10",
    "'a' * 10**12",
    "[0] * 10**12",
    "0x" + "f" * 5000,
    "1" * 5000,
    "1e999 - 1e999",
    "{'_name': " + RUNS + "}",
    f"beside.LIMIT if {RUNS} else 0",
    f"type('T', (), {{'__init__': {RUNS}}})",
    f"await {RUNS}",
    f"(yield {RUNS})",
    "'\u202e\u2066 evil \u2069'",
    "'\0'",
    "'\ud800'",
    "\U0001d431",
    "(" * 300 + "1" + ")" * 300,
    "-" * 3000 + "1",
    "not " * 2000 + "x",
    "a" + ".a" * 2000,
    "x[" * 150 + "0" + "]" * 150,
]
PLACES = [
    "x = {}\n",
    "x = 1  # hpo: choice({}, 1)\n",
    "x = 1  # hpo: uniform(0, {})\n",
    "import hpo\nx = hpo.choice({}, 1)\n",
    "'''@nni.variable(nni.choice({}, 1), name=x)'''\nx = 1\n",
    "import beside\nx = 1  # hpo: constraint(x < {})\n",
    "def f(x={}):  # hpo: randint(0, 5)\n    return x\n",
    "from beside import *\n@({})\nclass A:\n    x: {} = 1  # hpo: choice(1, 2)\n",
]
FILES = [
    "x = 1  # hpo: choice(" + "1, " * 100_000 + ")\n",
    "x = '" + "a" * 10_000_000 + "'\n",
    "x = 1  # " + "hpo: " * 2_000_000 + "\n",
    "#" * 10_000_000,
    "if x:\n" + "".join(f"{' ' * n}if x:\n" for n in range(1, 90)) + " " * 90 + "x = 1\n",
    "\ufeff# coding: latin-1\nx = 1  # hpo: choice(1, 2)\n",
    *(f"# -*- coding: {name} -*-\nx = 1  # hpo: choice(1, 2)\n" for name in (
        "rot13", "hex", "idna", "unicode_escape", "raw_unicode_escape", "utf-7",
        "evil", "beside", "../beside", "\0",
    )),
    "\x1b]0;owned\x07\x1b[2Jx = 1  # hpo: choice(1, 2)\n",
    "x = 1\r  # hpo: choice(1, 2)\r\n\x0c\x1a",
    "#" * 3,
    "import evil, os, sys; sys.modules['hpo'] = evil\nfrom . import evil\nfrom .. import *\n",
    "__loader__ = __spec__ = None\nx = 1  # hpo: choice(1, 2)\n",
]  # fmt: skip
TEXTS = [place.replace("{}", each) for place in PLACES for each in EXPRESSIONS] + FILES

DONE = {
    "exec": "eval('1 + 1')",
    "exec ": "exec('')",
    "compile": "compile('1', 'x', 'eval')",
    "import": "import this_is_nowhere",
    "import ": "import colorsys",
    "open": RUNS,
    "open ": "import os; os.open('ran', os.O_CREAT)",
    "os.system": "import os; os.system('true')",
    "subprocess.Popen": "import subprocess; subprocess.run(['true'])",
    "os.posix_spawn": "import os; os.posix_spawn('/bin/true', ['true'], {})",
    "os.fork": "import os; os.fork() or os._exit(0)",
    "os.exec": "import os; os.execv('/nowhere', ['true'])",
    "os.mkdir": "import os; os.mkdir('ran')",
    "os.remove": "import os; os.remove('train.py')",
    "socket.__new__": "import socket; socket.socket()",
    "ctypes.dlopen": "import ctypes; ctypes.CDLL(None)",
    "os.putenv": "import os; os.environ['A'] = 'b'",
    "ended with": "while True: pass",
}


def seen(texts: list[str], work: Path) -> list[list[str]]:
    """Return for each text what was done beside reading it."""
    (work / "texts.json").write_text(json.dumps(texts))
    command = [sys.executable, WATCHED, "texts.json"]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    found: list[list[str]] = json.loads(done.stdout)
    return found


def test_whatever_a_script_did_would_be_seen(tmp_path: Path) -> None:
    found = seen([f"#!\n{text}" for text in DONE.values()], tmp_path)
    for event, each in zip(DONE, found, strict=True):
        assert any(what.startswith(event.strip()) for what in each), (event, each)


def test_reading_a_script_does_nothing_but_read(tmp_path: Path) -> None:
    assert len(TEXTS) > 300
    found = seen(TEXTS, tmp_path)
    assert [(text[:80], each) for text, each in zip(TEXTS, found, strict=True) if each] == []
    assert sorted(os.listdir(tmp_path)) == ["beside.py", "texts.json", "train.py"]
