"""A trial behaves as `python script.py` does, and takes all it started along when it goes."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from means import compiled

from hpo.errors import StoreError
from hpo.runtime import launcher as launcher_module
from hpo.runtime.launcher import (
    Began,
    Ended,
    Launcher,
    ScriptCommand,
    ShellCommand,
    Waits,
    modules_to_preload,
    parse_command,
)
from hpo.runtime.snapshot import freeze


class Workbench:
    """A code folder, a folder for trials, and a launcher over them."""

    def __init__(self, folder: Path) -> None:
        self.code, self.trials = folder / "code dir", folder / "trials"
        self.code.mkdir()
        self.trials.mkdir()
        self.snapshot = folder / "snapshot"
        self.launcher: Launcher | None = None
        self.experiment = f"test{os.getpid()}-{time.monotonic_ns()}"

    def write(self, name: str, text: str, parameterised: str | None = None) -> None:
        (self.code / name).write_text(text)
        files = {path: (path.read_bytes(), path.read_bytes()) for path in self.code.glob("*.py")}
        if parameterised is not None:
            files[self.code / name] = (text.encode(), parameterised.encode())
        freeze(self.snapshot, files, self.code)

    def start(self, *commands: ScriptCommand | ShellCommand, modules: tuple[str, ...] = ()) -> Launcher:
        has_code = self.snapshot.exists()
        with (self.trials / "lock").open("w") as lock, (self.trials / "log").open("ab") as log:
            self.launcher = Launcher(
                cwd=self.code,
                snapshot=self.snapshot if has_code else None,
                path=self.code,
                modules=modules,
                lock=lock,
                log=log,
                experiment=self.experiment,
            )
        for number, command in enumerate(commands):
            directory = self.trials / str(number)
            directory.mkdir()
            self.launcher.start(number, command, directory, self.variables(number))
        return self.launcher

    def variables(self, number: int) -> dict[str, str]:
        return {"HPO_EXPERIMENT_ID": self.experiment, "HPO_TRIAL_SEQUENCE": str(number)}

    def wait(self, count: int = 1, seconds: float = 60) -> list[Any]:
        assert self.launcher is not None
        ended: list[Any] = []
        limit = time.monotonic() + seconds
        while len(ended) < count and time.monotonic() < limit:
            select.select([self.launcher], [], [], 0.1)
            ended += self.launcher.events()
        return ended

    def run(self, command: ScriptCommand | ShellCommand) -> tuple[int | None, str, str]:
        self.start(command)
        (ended,) = self.wait()
        return ended.status, self.log("stdout"), self.log("stderr")

    def wait_for_output(self, words: str, count: int = 1) -> str:
        """Wait until the first trial has written some words so often; return all that it wrote."""
        log = self.trials / "0" / "stdout.log"
        limit = time.monotonic() + 60
        while (said := log.read_text() if log.exists() else "").count(words) < count:
            assert time.monotonic() < limit, said
            time.sleep(0.05)
        return said

    def log(self, name: str, number: int = 0) -> str:
        return (self.trials / str(number) / f"{name}.log").read_text()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    made = Workbench(tmp_path)
    yield made
    if made.launcher is not None:
        made.launcher.close()


def plain_python(bench: Workbench, *args: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "script.py", *args],
        cwd=bench.code,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout, done.stderr


SCRIPTS = {
    "what a script sees of itself": """
import sys, os
print(__name__, __file__, __spec__, __package__, __doc__, sys.argv, sys.path[0], os.getcwd())
print(sys.orig_argv[1:], sys.modules["__main__"].__dict__ is globals())
print(sorted(k for k in globals() if not k.startswith("__")))
print(__cached__, type(__loader__).__name__, __loader__.name, __loader__.path)
""",
    "a script that runs itself": """
import runpy
print(__name__, __spec__, __loader__ is None, __package__, __cached__, __file__)
if __name__ == "__main__":
    runpy.run_path("script.py")
    runpy.run_path("script.py", run_name="a.package")
""",
    "objects that an uncaught exception keeps": """
class Last:
    def __del__(self): print("deleted")
def f():
    last = Last()
    raise ValueError("no")
f()
""",
    "signals": """
import signal
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE, signal.SIGHUP):
    print(signal.getsignal(number))
print(signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.set_wakeup_fd(-1))
""",
    "an output that it closes": "import sys\nprint('last words')\nsys.stdout.close()\n",
    "what it reads": "import sys\nprint(repr(sys.stdin.read()))\n",
    "a module that is not there": "try:\n    import missing_one\nexcept ImportError as e:\n    print(e)\n",
    "an uncaught exception": "def f():\n    raise ValueError('no')\nf()\n",
    "a chained exception": "try:\n    1 / 0\nexcept Exception as e:\n    raise KeyError(3) from e\n",
    "an exit status": "import sys; sys.exit(7)\n",
    "an exit message": "raise SystemExit('good bye')\n",
    "an exit without a status": "import sys; sys.exit()\n",
    "atexit and an open file": """
import atexit
atexit.register(print, "at exit")
class Last:
    def __del__(self): print("deleted")
last = Last()
""",
    "a thread that outlives the main one": """
import threading, time
threading.Thread(target=lambda: (time.sleep(0.2), print("thread done"))).start()
print("main done")
""",
    "an own excepthook": """
import sys
sys.excepthook = lambda kind, value, traceback: print("hook", kind.__name__, value)
1 / 0
""",
    "a warning of the compiler": "x = 1\nif x is 1: print('is')\n",
    "a hook that fails": """
import sys
def hook(*error): raise RuntimeError("in the hook")
sys.excepthook = hook
1 / 0
""",
    "objects whose end needs names of their module, which a handler keeps": """
import signal, sys
class Last:
    def __del__(self): print("deleted", self is last, sys is not None)
last = Last()
last.itself = last
signal.signal(signal.SIGTERM, lambda *_: None)
""",
    "an exit status that C has no integer for": "raise SystemExit(2**70)\n",
    "the least exit status that C has an integer for": "raise SystemExit(-(2**63))\n",
    "a message without an error output": "import sys; sys.stderr = None; sys.exit('to the descriptor')\n",
    "an exception without an error output": "import sys; sys.stderr = None; 1 / 0\n",
    "an exit message that cannot be shown": """
class Bad:
    def __str__(self): raise ValueError
raise SystemExit(Bad())
""",
    "an output that cannot be written": "import sys; sys.stdout = open('/dev/full', 'w'); print('lost')\n",
    "what atexit sees of an exception": """
import atexit, sys
atexit.register(lambda: print(sys.last_type, sys.last_value, sys.last_traceback.tb_lineno))
1 / 0
""",
    "annotations": "print(__annotations__)\n" if sys.version_info < (3, 14) else "",
    "the main thread": """
import os, threading
print(threading.main_thread().native_id == os.getpid())
""",
    "a multiprocessing pool": """
import multiprocessing
def square(x): return x * x
if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(pool.map(square, range(5)))
""",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_trial_does_what_the_script_does_by_hand(bench: Workbench, name: str) -> None:
    bench.write("script.py", SCRIPTS[name])
    by_hand = plain_python(bench, "--epochs", "3")
    assert bench.run(ScriptCommand("script.py", ("--epochs", "3"))) == by_hand


@pytest.mark.parametrize(
    "module",
    [
        "def f():\n    raise ValueError('no')\nf()\n",
        "import missing_one\n",
        "x = (\ny = 3\n",
        "def f(x: int): pass\nprint(f.__annotations__)\n",
    ],
)
def test_a_module_is_loaded_or_fails_as_by_hand(bench: Workbench, module: str) -> None:
    (bench.code / "own.py").write_text(module)
    bench.write("script.py", "import own\n")
    by_hand = plain_python(bench)
    assert bench.run(ScriptCommand("script.py")) == by_hand


def test_modules_that_are_called_as_the_librarys_are_the_scripts_own(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)  # it would load the script's modules itself
    names = "ast", "linecache", "select", "tokenize", "traceback"
    for name in names:
        (bench.code / f"{name}.py").write_text(f"OWN = {name!r}\n")
    loads = "".join(f"import {name}\nprint({name}.OWN)\n" for name in names)
    bench.write("script.py", f"{loads}raise ValueError('no')\n")
    by_hand = plain_python(bench)
    assert by_hand[1].split() == list(names)
    assert bench.run(ScriptCommand("script.py")) == by_hand


def test_modules_that_python_itself_needs_are_hidden_by_none_of_the_scripts(bench: Workbench) -> None:
    names = "abc", "codecs", "encodings", "genericpath", "io", "os", "posixpath", "runpy", "site", "stat"
    for name in names:
        (bench.code / f"{name}.py").write_text("OWN = True\n")
    asks = "".join(f"import {name}\nprint(hasattr({name}, 'OWN'))\n" for name in names)
    bench.write("script.py", asks)
    assert bench.run(ScriptCommand("script.py")) == plain_python(bench) == (0, "False\n" * len(names), "")


def test_a_library_that_loads_a_module_of_the_scripts_own_is_left_to_the_trial(bench: Workbench) -> None:
    bench.write("colorsys.py", "import os\nPID = os.getpid()\n")
    (bench.code / "library").mkdir()
    (bench.code / "library" / "__init__.py").write_text("import colorsys\n")
    bench.write("script.py", "import library, os\nprint(library.colorsys.PID == os.getpid())\n")
    bench.start(ScriptCommand("script.py"), modules=("library",))
    bench.wait()
    assert bench.log("stdout") == "True\n"


def test_a_module_of_a_builtins_name_is_passed_over_as_by_hand(bench: Workbench) -> None:
    (bench.code / "xxsubtype.py").write_text("print('own')\n")
    bench.write("script.py", "import xxsubtype\nprint(xxsubtype.__spec__.origin)\n")
    assert bench.run(ScriptCommand("script.py")) == plain_python(bench) == (0, "built-in\n", "")


def test_the_objects_of_a_module_find_their_names_as_they_go(bench: Workbench) -> None:
    (bench.code / "own.py").write_text(
        "import os\nclass Last:\n    def __del__(self): print(os.sep)\nlast = Last()\n"
    )
    bench.write("script.py", "import own\n")
    by_hand = plain_python(bench)
    assert by_hand[1] == "/\n"
    assert bench.run(ScriptCommand("script.py")) == by_hand


def test_a_file_in_a_module_that_a_library_keeps_is_written_when_the_trial_ends(bench: Workbench) -> None:
    bench.write(
        "script.py",
        "import json\nfile = open('out.txt', 'w')\nfile.write('all of it')\njson.kept = lambda: file\n",
    )
    assert bench.run(ScriptCommand("script.py"))[0] == 0
    assert (bench.code / "out.txt").read_text() == "all of it"


def test_a_file_left_open_is_written_when_the_trial_ends(bench: Workbench) -> None:
    bench.write("script.py", "file = open('out.txt', 'w'); file.write('all of it')")
    assert bench.run(ScriptCommand("script.py"))[0] == 0
    assert (bench.code / "out.txt").read_text() == "all of it"


def test_trials_run_the_frozen_code_and_tracebacks_quote_the_users(bench: Workbench) -> None:
    bench.write("model.py", "SIZE = 1\n")
    bench.write("script.py", "import model\nsize = 3\nraise ValueError(size, model.SIZE)\n",
                "import model\nsize = 3 if False else 4\nraise ValueError(size, model.SIZE)\n")  # fmt: skip
    launcher = bench.start()
    (bench.code / "model.py").write_text("SIZE = 'edited'\n")
    (bench.code / "script.py").write_text("print('edited')\n")
    (bench.trials / "0").mkdir()
    launcher.start(0, ScriptCommand("script.py"), bench.trials / "0", {})
    assert bench.wait()[0].status == 1
    error = bench.log("stderr")
    assert "ValueError: (4, 1)" in error
    assert f'File "{bench.code}/script.py", line 3' in error
    assert "raise ValueError(size, model.SIZE)" in error


def test_two_trials_draw_different_random_numbers(bench: Workbench) -> None:
    bench.write("script.py", "import random, numpy\nprint(random.random(), numpy.random.random())\n")
    bench.start(ScriptCommand("script.py"), ScriptCommand("script.py"), modules=("random", "numpy.random"))
    assert [e.status for e in bench.wait(2)] == [0, 0]
    first, second = bench.log("stdout", 0).split(), bench.log("stdout", 1).split()
    assert not set(first) & set(second)


def test_preloaded_modules_are_there_and_the_scripts_own_are_not_shared(bench: Workbench) -> None:
    bench.write("own.py", "import os\nPID = os.getpid()\n")
    bench.write(
        "script.py",
        "import sys\nprint('decimal' in sys.modules)\nimport own, os\nprint(own.PID == os.getpid())\n",
    )
    bench.start(ScriptCommand("script.py"), modules=("decimal",))
    bench.wait()
    assert bench.log("stdout") == "True\nTrue\n"


def test_a_module_that_starts_a_thread_is_left_to_the_trial(bench: Workbench) -> None:
    (bench.code / "threaded.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    bench.write("script.py", "import sys\nprint('threaded' in sys.modules)\n")
    bench.start(ScriptCommand("script.py"), modules=("threaded",))
    bench.wait()
    assert bench.log("stdout") == "False\n"


def test_only_the_module_that_started_a_thread_is_left_to_the_trial(bench: Workbench) -> None:
    (bench.code / "threaded.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    bench.write(
        "script.py", "import sys\nprint([m in sys.modules for m in ('decimal', 'threaded', 'csv')])\n"
    )
    bench.start(ScriptCommand("script.py"), modules=("decimal", "threaded", "csv"))
    bench.wait()
    assert bench.log("stdout") == "[True, False, True]\n"


def test_a_module_that_loads_one_that_bears_no_fork_is_left_to_the_trial(bench: Workbench) -> None:
    (bench.code / "jax.py").write_text("DEVICES = 1\n")
    (bench.code / "flax.py").write_text("import jax\n")
    bench.write(
        "script.py", "import sys\nprint('jax' in sys.modules)\nimport flax\nprint(flax.jax.DEVICES)\n"
    )
    bench.start(ScriptCommand("script.py"), modules=("flax",))
    bench.wait()
    assert bench.log("stdout") == "False\n1\n"


def test_native_thread_pools_of_preloaded_libraries_work_in_the_trial(bench: Workbench) -> None:
    bench.write(
        "script.py",
        "import sys\nassert 'numpy' in sys.modules\nimport numpy\n"
        "a = numpy.ones((400, 400))\nprint((a @ a).sum())\n",
    )
    bench.start(ScriptCommand("script.py"), ScriptCommand("script.py"), modules=("numpy",))
    assert [e.status for e in bench.wait(2)] == [0, 0]
    assert bench.log("stdout", 1) == "64000000.0\n"


def test_a_variable_of_one_trial_is_not_the_nexts(bench: Workbench) -> None:
    bench.write("script.py", "import os\nprint(os.environ.get('HPO_BASELINE'), os.environ['HOME'])\n")
    launcher = bench.start()
    for number, variables in enumerate([{"HPO_BASELINE": "1", "HOME": "/elsewhere"}, {}]):
        (bench.trials / str(number)).mkdir()
        launcher.start(number, ScriptCommand("script.py"), bench.trials / str(number), variables)
    bench.wait(2)
    assert bench.log("stdout", 0) == "1 /elsewhere\n"
    assert bench.log("stdout", 1) == f"None {os.environ['HOME']}\n"


def test_a_command_does_not_ignore_a_broken_pipe(bench: Workbench) -> None:
    status, out, error = bench.run(ShellCommand("(yes; echo $? >&2) | head -1"))
    assert (status, out) == (0, "y\n")
    assert error.split() in ([], ["141"])  # the shell may be ended by the signal, too


def test_only_installed_modules_before_the_first_other_statement_are_preloaded(tmp_path: Path) -> None:
    (tmp_path / "own.py").touch()
    source = b"""'Doc.'
from __future__ import annotations
import json, own
from email import message
import ray
X = 1
import csv
"""
    assert modules_to_preload(source, tmp_path) == ["json", "email"]
    assert modules_to_preload(b"import json, own, json", tmp_path) == ["json"]
    assert modules_to_preload(b"", tmp_path) == []


SEEN = """import ctypes, os, subprocess
getenv = ctypes.CDLL(None).getenv
getenv.restype = ctypes.c_char_p
print(len(os.environ["LONG"]), len(getenv(b"LONG")), os.environ.get("GONE"), getenv(b"GONE"), flush=True)
subprocess.run(["sh", "-c", 'echo ${#LONG} "$GONE"'])
"""


def test_a_trial_has_its_variables_and_the_server_does_not_grow_with_what_they_were(bench: Workbench) -> None:
    bench.write("train.py", SEEN)
    launcher = bench.start()

    def memory() -> int:
        status = Path(f"/proc/{launcher._server.pid}/status").read_text()
        return int(re.search(r"VmData:\s+(\d+)", status)[1])  # type: ignore[index]

    for number in range(40):
        directory = bench.trials / str(number)
        directory.mkdir()
        variables = {**bench.variables(number), "LONG": f"{number:0100000}"}
        if number == 0:
            variables["GONE"] = "gone"
        launcher.start(number, ScriptCommand("train.py", ()), directory, variables)
        (ended,) = bench.wait()
        assert ended.status == 0
        if number == 10:
            before = memory()
    assert bench.log("stdout") == "100000 100000 gone b'gone'\n100000 gone\n"
    assert bench.log("stdout", 39) == "100000 100000 None None\n100000 \n"
    assert memory() - before < 1000, "kilobytes; the variables of these trials are three thousand"


def test_a_shell_command_runs_where_it_is_with_its_environment(bench: Workbench) -> None:
    status, out, _ = bench.run(ShellCommand("pwd; echo $HPO_TRIAL_SEQUENCE; exit 4"))
    assert (status, out) == (4, f"{bench.code}\n0\n")


def test_a_kernel_that_runs_out_of_memory_ends_a_trial_before_the_runner(bench: Workbench) -> None:
    own = int(Path("/proc/self/oom_score_adj").read_text())
    _, out, _ = bench.run(ShellCommand("cat /proc/self/oom_score_adj"))
    assert int(out) == min(own + 300, 1000)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


FAMILY = """
sleep 300 & echo $!
setsid sleep 300 & echo $!
(setsid sh -c 'sleep 300 & echo $!; wait' &)
exec 3>&1; until [ $(wc -l < /proc/self/fd/3) -ge 3 ]; do sleep 0.05; done
"""


def family(bench: Workbench) -> list[int]:
    return [int(pid) for pid in bench.wait_for_output("\n", count=3).split()]


def dead_within(pids: list[int], seconds: float) -> bool:
    limit = time.monotonic() + seconds
    while any(map(is_alive, pids)) and time.monotonic() < limit:
        time.sleep(0.02)
    return not any(map(is_alive, pids))


DAEMONS = """
import os, signal, time
told, telling = os.pipe()
def say_pid():
    print(os.getpid(), flush=True)
    os.write(telling, b".")
def daemon():
    # As the books say: nothing is kept that tells where it came from.
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.chdir("/")
            os.environ.clear()
            say_pid()
            os.closerange(0, 1000)
            for number in (signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            time.sleep(300)
        os._exit(0)
    os.wait()
for _ in range(2):
    daemon()
worker = os.fork()
if worker == 0:
    say_pid()
    time.sleep(300)
for _ in range(3):
    os.read(told, 1)  # a trial that ends takes its children along, those that have not spoken yet too
"""


@pytest.mark.parametrize("ending", ["exit 0", "sleep 300"])
def test_a_trials_grandchildren_go_with_it_even_those_that_left_its_group(
    bench: Workbench, ending: str
) -> None:
    launcher = bench.start(ShellCommand(FAMILY + ending))
    pids = family(bench)
    if ending != "exit 0":
        launcher.signal(0, signal.SIGKILL)
    bench.wait()
    assert dead_within(pids, 60)


@pytest.mark.parametrize("ending", ["", "time.sleep(300)"])
def test_daemons_that_a_script_forked_go_with_it(bench: Workbench, ending: str) -> None:
    bench.write("script.py", DAEMONS + ending)
    launcher = bench.start(ScriptCommand("script.py"))
    pids = family(bench)
    if ending:
        launcher.signal(0, signal.SIGKILL)
    bench.wait()
    assert dead_within(pids, 0)


def test_daemons_of_a_trial_that_runs_on_stay(bench: Workbench) -> None:
    bench.write("script.py", DAEMONS + "if 'short' not in __import__('sys').argv: time.sleep(300)")
    bench.start(ScriptCommand("script.py"))
    pids = family(bench)
    assert bench.launcher is not None
    (bench.trials / "1").mkdir()
    bench.launcher.start(1, ScriptCommand("script.py", ("short",)), bench.trials / "1", bench.variables(1))
    assert [ended.number for ended in bench.wait()] == [1]
    assert all(map(is_alive, pids))
    bench.launcher._connection.close()
    assert dead_within(pids, 60)


def test_of_a_fork_server_that_is_killed_not_even_forked_daemons_are_left(bench: Workbench) -> None:
    bench.write("script.py", DAEMONS + "time.sleep(300)")
    launcher = bench.start(ScriptCommand("script.py"))
    pids = family(bench)
    launcher._server.kill()
    assert bench.wait()[0].status is None
    assert dead_within(pids, 0)  # before the trial may be run again


def test_an_experiment_inside_a_trial_goes_with_the_experiment_around_it(bench: Workbench) -> None:
    inner = DAEMONS.replace(
        "import os", "from hpo.runtime.strays import Mark; Mark('inner', 7).bear(); import os"
    )
    bench.write("script.py", inner)
    launcher = bench.start(ScriptCommand("script.py"))
    pids = family(bench)
    launcher._connection.close()
    assert dead_within(pids, 60)


def test_what_sheds_its_mark_goes_with_the_experiment(bench: Workbench) -> None:
    shed = "setsid env -i prlimit --rttime=unlimited sh -c 'echo $$; cd /; exec sleep 300'"
    launcher = bench.start(ShellCommand(f"({shed} &); sleep 0.1; {shed} & sleep 300"))
    pids = [int(pid) for pid in bench.wait_for_output("\n", count=2).split()]
    launcher._connection.close()
    assert dead_within(pids, 60)


def test_when_the_runner_goes_every_trial_goes(bench: Workbench) -> None:
    launcher = bench.start(ShellCommand(FAMILY + "sleep 300"))
    pids = family(bench)
    launcher._connection.close()  # what the kernel does for a runner that was killed
    assert dead_within(pids, 60)


def test_a_fork_server_that_is_killed_is_replaced_and_its_trials_are_reported_lost(bench: Workbench) -> None:
    bench.write("script.py", "import os, time; print(os.getpid(), flush=True); time.sleep(300)")
    launcher = bench.start(ScriptCommand("script.py"))
    bench.wait_for_output("\n")
    launcher._server.kill()
    (ended,) = bench.wait()
    assert (ended.number, ended.status) == (0, None)
    assert dead_within([int(bench.log("stdout"))], 60)
    (bench.trials / "1").mkdir()
    launcher.start(1, ShellCommand("exit 5"), bench.trials / "1", {})
    assert bench.wait()[0].status == 5


def test_a_fork_server_that_dies_leaves_nothing_behind_not_even_grandchildren(bench: Workbench) -> None:
    launcher = bench.start(ShellCommand(FAMILY + "sleep 300"))
    pids = family(bench)
    launcher._server.kill()
    assert bench.wait()[0].status is None
    assert dead_within(pids, 60)


def test_a_fork_server_that_dies_with_requests_unread_is_replaced(bench: Workbench) -> None:
    launcher = bench.start(ShellCommand("echo it runs; exec sleep 300"))
    bench.wait_for_output("it runs\n")
    launcher._server.send_signal(signal.SIGSTOP)
    launcher._send({"signal": 0, "number": 15})
    launcher._server.kill()
    assert bench.wait()[0].status is None


def test_all_of_many_trials_are_ended_at_once_though_nobody_reads_of_their_ends_meanwhile(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = socket.socketpair

    def narrow() -> tuple[socket.socket, socket.socket]:
        both = pair()
        for end in both:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # the least: some five lines
        return both

    monkeypatch.setattr(socket, "socketpair", narrow)
    launcher = bench.start(*[ShellCommand("exec sleep 600")] * 50)

    def end_all() -> None:
        for number in (*range(50), *range(50)):
            launcher.signal(number, signal.SIGTERM)

    ending = threading.Thread(target=end_all, daemon=True)
    ending.start()
    ending.join(60)
    assert not ending.is_alive(), "the runner waits for the server, and the server for the runner"
    assert sorted(ended.number for ended in bench.wait(50)) == list(range(50))


def test_a_suspended_fork_server_still_ends_trials(bench: Workbench) -> None:
    launcher = bench.start(ShellCommand("echo it runs; exec sleep 300"))
    bench.wait_for_output("it runs\n")
    launcher._server.send_signal(signal.SIGSTOP)
    launcher.signal(0, signal.SIGTERM)
    assert bench.wait()[0].status == -signal.SIGTERM


def test_a_fork_server_that_hangs_itself_is_replaced_when_a_trial_is_given_up_in_vain(
    bench: Workbench,
) -> None:
    bench.write("script.py", "print('done')\n")
    once = "import pathlib, time\nonce = pathlib.Path('once')\nif not once.exists():\n    once.touch()\n"
    (bench.code / "hangs.py").write_text(f"{once}    time.sleep(600)\n")
    launcher = bench.start(ScriptCommand("script.py"), modules=("hangs",))
    while not (bench.code / "once").exists():
        time.sleep(0.01)
    launcher.give_up(0)
    assert not list(launcher.events())
    launcher.give_up(0)
    (ended,) = bench.wait()
    assert (ended.number, ended.status, ended.reason) == (0, None, "the process that starts trials died")


def test_a_command_is_a_script_only_where_it_is_plainly_this_python_and_a_file(tmp_path: Path) -> None:
    (tmp_path / "train.py").touch()
    python = sys.executable
    assert parse_command(f"{python} train.py --lr 3", tmp_path) == ScriptCommand("train.py", ("--lr", "3"))
    for text in (
        f"{python} -m train",
        f"{python} missing.py",
        f"{python} train.py | tee log",
        f"{python} train.py $HOME",
        f"X=1 {python} train.py",
        "python-of-nobody train.py",
        "/bin/sh train.py",
        f"{python} 'unbalanced",
    ):
        assert parse_command(text, tmp_path) == ShellCommand(text)


def test_logs_appear_while_the_trial_runs(bench: Workbench) -> None:
    bench.write("script.py", "import time\nprint('first line')\ntime.sleep(300)\n")
    launcher = bench.start(ScriptCommand("script.py"))
    bench.wait_for_output("first line\n")
    launcher.signal(0, signal.SIGTERM)
    assert bench.wait()[0].status == -signal.SIGTERM


def test_a_trial_has_none_of_the_servers_descriptors(bench: Workbench) -> None:
    bench.write("script.py", "import os\nprint(sorted(int(f) for f in os.listdir('/proc/self/fd'))[:-1])\n")
    assert bench.run(ScriptCommand("script.py"))[1] == "[0, 1, 2]\n"


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the file that lets the machine have no room for a process, and is there."""
    library = compiled("fork", tmp_path)
    if library is None:
        pytest.skip("there is no C compiler to build the stand-in for a full machine with")
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("STANDIN_FORK", str(tmp_path / "full"))
    (tmp_path / "full").touch()
    return tmp_path / "full"


def test_trials_for_which_there_is_no_process_wait_in_their_order(bench: Workbench, full: Path) -> None:
    launcher = bench.start(ShellCommand("exit 3"), ShellCommand("exit 5"))
    assert bench.wait(2) == [Waits(0), Waits(1)]
    assert launcher.waits == "no process can be started: Resource temporarily unavailable"
    full.unlink()
    found = bench.wait(4)
    assert [each.number for each in found if isinstance(each, Began)] == [0, 1]
    assert {each.number: each.status for each in found if isinstance(each, Ended)} == {0: 3, 1: 5}
    assert launcher.waits is None


def test_a_trial_that_waits_for_a_process_is_ended_without_one(bench: Workbench, full: Path) -> None:
    launcher = bench.start(ShellCommand("exit 3"))
    assert bench.wait() == [Waits(0)]
    launcher.signal(0, signal.SIGTERM)
    (ended,) = bench.wait()
    assert isinstance(ended, Ended)
    assert (ended.number, ended.status) == (0, -signal.SIGTERM)
    assert launcher.waits is None
    full.unlink()
    assert not bench.wait(seconds=0.6)


def test_of_a_fork_server_that_dies_only_the_trials_that_ran_are_lost(bench: Workbench) -> None:
    launcher = bench.start(ShellCommand("exit 3"))
    assert [(each.number, each.status) for each in bench.wait()] == [(0, 3)]
    (bench.trials / "1").mkdir()
    launcher.start(1, ShellCommand("sleep 300"), bench.trials / "1", {})
    assert launcher.running == {1}
    launcher._server.kill()
    (ended,) = bench.wait()
    assert (ended.number, ended.status, ended.reason) == (1, None, "the process that starts trials died")
    assert not list(launcher.events())


def test_a_fork_server_that_dies_again_and_again_is_given_up_and_the_log_says_why(
    bench: Workbench, capfd: pytest.CaptureFixture[str]
) -> None:
    bench.code.rmdir()
    launcher = bench.start()
    for _ in range(3):
        launcher._server.wait()
        assert not list(launcher.events())
    launcher._server.wait()
    with pytest.raises(StoreError, match="died three times in a row") as raised:
        list(launcher.events())
    log = bench.trials / "log"
    assert raised.value.help == f"its last words are in {log}"
    assert log.read_text().count("FileNotFoundError: [Errno 2] No such file or directory") == 4
    assert capfd.readouterr() == ("", "")


def test_a_runner_in_a_folder_with_modules_that_are_called_as_the_librarys_starts_trials(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.write("script.py", "print('done')\n")
    for name in "json", "hpo", "runpy":
        (bench.code / f"{name}.py").write_text("raise SystemExit('this is another module')\n")
    monkeypatch.chdir(bench.code)
    assert bench.run(ScriptCommand("script.py"))[:2] == (0, "done\n")


def test_a_fork_server_that_does_not_end_is_made_to_with_all_its_trials(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = bench.start(ShellCommand(FAMILY + "sleep 300"))
    pids = family(bench)
    bench.launcher = None  # it is closed here
    monkeypatch.setattr(launcher_module, "_PATIENCE", 0.0)
    launcher.close()
    assert launcher._server.poll() is not None
    assert dead_within(pids, 5)


def test_each_of_several_scripts_is_the_one_that_was_asked_for(bench: Workbench) -> None:
    bench.write("one.py", "print('one')\n")
    bench.write("two.py", "print('two')\n")
    launcher = bench.start()
    for number, name in enumerate(["one", "two", "two", "one"]):
        (bench.trials / str(number)).mkdir()
        command = ScriptCommand(f"{name}.py")
        launcher.start(number, command, bench.trials / str(number), bench.variables(number))
    assert len(bench.wait(4)) == 4
    assert [bench.log("stdout", number) for number in range(4)] == ["one\n", "two\n", "two\n", "one\n"]


def test_a_trial_that_cannot_write_its_logs_ends_and_the_servers_log_says_why(bench: Workbench) -> None:
    launcher = bench.start()
    launcher.start(0, ShellCommand("true"), bench.trials / "gone", bench.variables(0))
    assert [ended.status for ended in bench.wait()] == [1]
    log = (bench.trials / "log").read_text()
    assert f"No such file or directory: '{bench.trials}/gone/stdout.log'" in log
