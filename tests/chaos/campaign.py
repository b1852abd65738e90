"""One experiment under faults, and what must hold in the end whatever happened on the way."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from means import compiled, fill, little_memory, small_disk
from oracle import TELL, Oracle, children, living, read

__all__ = ["EXCUSED", "GROUNDS", "Campaign"]

HPO = str(Path(sys.executable).with_name("hpo"))
PATIENCE = 120.0  # seconds for an experiment that nobody disturbs any more to end
Curve = list[tuple[int, float]]
EARLY = 0.2  # of the strikes: they do not wait for a trial, since what starts has to survive as well

#: What is wrong with the machine all the while.
GROUNDS = ("a plain machine", "a small disk", "a slow disk", "a clock that jumps", "little memory")

#: Those that a container may not have, whatever is installed in it, and why.
EXCUSED = {
    "a small disk": "only root may mount one, and not in every container",
    "little memory": "only root may make a control group for it, and not in every container",
}

#: How trials behave, and how often: those of the first table report a result, the others fail as they say.
GOOD = {
    "plain": 10, "daemon": 1, "babbling": 1, "garbage": 1, "twice": 1, "closing": 1, "lingering": 1,
    "forking": 1, "linking": 1, "escaping": 1,
}  # fmt: skip
BAD = {
    "exception": ("exception", 1), "exit": ("exit", 1), "signal": ("signal", 1), "silent": ("no_result", 1),
    "nan": ("bad_value", 1), "hungry": ("oom", 1),
}  # fmt: skip

SCRIPT = (
    TELL
    + r"""
import json, random, signal, subprocess, sys, time
import hpo

x = 0.5  # hpo: uniform(0, 1)
number = hpo.get_sequence_id()
plan = json.loads(os.environ["PLAN"])
kind = plan["kinds"][number % len(plan["kinds"])]
here = hpo.trial_dir()
steps = 1000 if kind == "babbling" else 3
tell("begin", x)
for step in range(steps):
    # They take their time while there are faults to come, so that these find something to strike.
    time.sleep(0 if steps > 3 or os.path.exists(os.environ["CALM"]) else plan["pause"] * (0.5 + x))
    hpo.report_intermediate_result(x * step)
    tell("reported", x * step)
if kind == "daemon":
    # Two forks, a session, an empty environment and another folder: nothing of the trial is left in it.
    subprocess.run(f"setsid env -i sh -c 'cd /; sleep {plan['word']} &' &", shell=True, close_fds=True)
elif kind == "forking":
    if os.fork() == 0:
        time.sleep(1000)
elif kind == "garbage":
    with open(here / "metrics.jsonl", "ab", buffering=0) as spool:
        spool.write(b'{"type": "final", "value": "\x1b[2J"\n\xff\xfe\x00\n[[[[\n{"type": "final"}\nnull\n')
        spool.write(b"[" * 50_000 + b"\n")
elif kind == "closing":
    os.closerange(0, 256)
elif kind == "linking":
    (here / "stdout.log").unlink()
    (here / "stdout.log").symlink_to("/dev/zero")
    (here / "stderr.log").unlink()
    os.mkfifo(here / "stderr.log")
elif kind == "escaping":
    sys.stderr.write("\x1b]0;owned\x07\x1b[2J\udcff" * 100)
elif kind == "hungry":
    held = [bytearray(os.urandom(1 << 20)) * 8 for _ in range(200)]
elif kind == "exception":
    raise ValueError("\x1b[31m<script>it fails</script>")
elif kind == "exit":
    sys.exit(3)
elif kind == "signal":
    os.kill(os.getpid(), random.choice([signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT]))
if kind == "nan":
    hpo.report_final_result(float("nan"))
elif kind != "silent":
    value = 1 - (x - 0.3) ** 2
    hpo.report_final_result(value)
    tell("end", value)
if kind == "twice":
    hpo.report_final_result(7)
elif kind == "lingering":
    time.sleep(0.3)
    os._exit(3)
"""
)


class Campaign:
    """Run one experiment under faults that a seed chooses, to its end.

    Args:
        seed: of everything that is drawn; what the machine makes of it is another matter.
        folder: an empty one, for all files.

    Attributes:
        began: when it did, by a clock that nobody sets.
        begin: where what the present runner said begins in the log of all of them.
        ground: what is wrong with the machine all the while.
        skipped: why that cannot be had here.
        strikes: the faults to do, each with whether it comes early.
        faults: how often each hit something.
        missed: how often each did not: what it strikes was not there.
        wished: the values that a trial was wished for with, and whether that was acknowledged.
        violations: what did not hold.
    """

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed, self.folder = seed, folder
        self.draw = random.Random(seed)
        self.ground = GROUNDS[seed % len(GROUNDS)]
        self.skipped: str | None = None
        self.faults: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()
        self.violations: list[str] = []
        self.disk, self.oracle = folder / "disk", folder / "oracle"
        self.log, self.clock, self.calm = folder / "runner.log", folder / "clock", folder / "calm"
        self.script = folder / "train.py"
        self.runner: subprocess.Popen[bytes] | None = None
        self.killed: set[int] = set()
        self.trials_killed: set[int] = set()
        self.canceled: set[int] = set()
        self.wished: dict[float, bool] = {}
        self.servers_killed = self.begin = self.heard = 0
        self.began = time.monotonic()
        self._prefix: list[str] = []
        self._draw_experiment()

    def _draw_experiment(self) -> None:
        draw = self.draw
        self.trials = draw.randint(10, 20)
        good = draw.choices(list(GOOD), list(GOOD.values()), k=self.trials)
        share = draw.choice([0, 0.2, 0.4])
        bad = [kind for kind in BAD if kind != "hungry" or self.ground == "little memory"]
        self.kinds = [draw.choice(bad) if draw.random() < share else kind for kind in good]
        self.direction = draw.choice(["maximize", "minimize"])
        self.has_page = draw.random() < 0.4
        concurrency = draw.randint(1, 4)
        # Nothing takes nearly as long, and most jumps of the clock are longer by far.
        limits = ["--max-duration", "30m", "--max-trial-duration", "10m"] if "clock" in self.ground else []
        self.options = [
            "--max-trials", str(self.trials), f"--{self.direction}", "--max-failures", "1000",
            "--concurrency", str(concurrency), "--tuner", draw.choice(["Random", "TPE", "Evolution"]),
            "--seed", str(draw.randrange(1000)), "--retries", str(draw.choice([0, 0, 1])),
            "--start-method", draw.choice(["fork", "fork", "fork", "spawn"]), *limits,
        ]  # fmt: skip
        # One number that no other process has in its command.
        self.word = f"{86400 + draw.randrange(1000)}.{os.getpid()}{self.seed}"
        plan = {"kinds": self.kinds, "pause": concurrency * draw.choice([0.05, 0.15]), "word": self.word}
        self.environment = {
            **os.environ,
            "HPO_HOME": str(self.disk / "home"),
            "ORACLE": str(self.oracle),
            "CALM": str(self.calm),
            "PLAN": json.dumps(plan),
        }
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)
        self.strikes = self._draw_strikes()

    def _draw_strikes(self) -> list[tuple[str, bool]]:
        chances = {
            "kill the runner": 3, "kill the fork server": 2, "kill a trial": 2, "kill all": 2,
            "suspend and continue": 2, "suspend the fork server, kill the runner": 1, "end": 2, "a rival": 1,
            "stop": 1, "cancel a trial": 1, "look": 1, "wish for a trial": 2, "wish for more trials": 1,
        }  # fmt: skip
        if self.has_page:
            chances["kill the page"] = 2
        if self.ground == "a small disk":
            chances |= {"fill the disk": 6, "fill the disk, kill all": 3}
        if self.ground == "a clock that jumps":
            chances["set the clock"] = 6
        count = self.draw.randint(2, 5)
        faults = self.draw.choices(list(chances), list(chances.values()), k=count)
        return [(fault, self.draw.random() < EARLY) for fault in faults]

    # -- the course of it

    def run(self) -> None:
        """Do it all; what did not hold is in `violations`."""
        self.script.write_text(SCRIPT)
        with self._ground():
            if self.skipped is not None:
                return
            try:
                self._start()
                for fault, is_early in self.strikes:
                    self._wait_for_prey(is_early=is_early)
                    self._harm(fault)
                    self._start()
                    if self.runner is None or self.runner.poll() is not None:
                        break  # it is done
                self._finish()
                self._judge()
            except Exception as error:
                self.violations.append(f"{type(error).__name__}: {error}")
            finally:
                self._end_all()

    @contextlib.contextmanager
    def _ground(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            if self.ground == "a small disk":
                if not stack.enter_context(small_disk(self.disk, megabytes=24)):
                    self.skipped = EXCUSED[self.ground]
            else:
                self.disk.mkdir()
            if self.ground in ("a slow disk", "a clock that jumps"):
                library = compiled("disk" if self.ground == "a slow disk" else "clock", self.folder)
                self.skipped = None if library else "there is no C compiler (cc, gcc or clang)"
                stand_in = {
                    "LD_PRELOAD": str(library),
                    "STANDIN_CLOCK": str(self.clock),
                    "STANDIN_DISK": "20",
                }
                self.environment.update(stand_in)
            if self.ground == "little memory":
                enter = stack.enter_context(little_memory(self.folder, megabytes=600))
                self.skipped = None if enter else EXCUSED[self.ground]
                self._prefix = [str(enter)]
            yield

    def _start(self) -> None:
        """Let the experiment go on, where it does not, until it is done."""
        if self.runner is not None:
            status = self.runner.poll()
            if status is None:
                return
            self._check_status(status)
        known = self._ask("list")
        if self._is_over(known):
            return
        command = ["resume"] if known else ["run", "train.py", *self.options]
        with self.log.open("ab") as log:
            self.begin = log.tell()
            self.heard = self._said_by_trials()
            self.runner = subprocess.Popen(
                [*self._prefix, HPO, *command, *([] if self.has_page else ["--no-web"])],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if self.has_page:
            self._open_page()

    def _is_over(self, known: list[dict[str, Any]]) -> bool:
        """Tell whether an experiment, as `hpo list` has it, is done, and nothing waits for it to go on."""
        return (
            bool(known) and known[0]["status"] == "done" and not any(self.disk.glob("home/*/commands/[!.]*"))
        )

    def _check_status(self, status: int) -> None:
        expected = {0, 130, 143, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP}
        said = self.log.read_bytes()[self.begin :].decode(errors="replace")
        if "is being run by" in said[-300:]:  # the trials of a runner that died were about to end
            expected.add(2)
        if self.servers_killed > 3 and "died three times in a row" in said:
            expected.add(1)
        if self.ground == "a small disk" and "make room" in said and not re.search("^trial ", said, re.M):
            expected.add(1)  # full before it began
        if status not in expected:
            self.violations.append(f"the runner ended with {status}: {said[-500:]}")

    def _finish(self) -> None:
        self.calm.touch()
        limit = time.monotonic() + PATIENCE
        while not self._is_over(known := self._ask("list")):
            if time.monotonic() > limit:
                raise AssertionError(f"it does not end: {known[0]['status'] if known else 'there is none'}")
            self._start()
            assert self.runner is not None
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.runner.wait(1)
            time.sleep(0.05)
        assert self.runner is not None
        self._check_status(self.runner.wait(PATIENCE))

    def _end_all(self) -> None:
        for pid in living(self.oracle, self.word.encode(), patience=0):
            self._kill(pid)
        if self.runner is not None:
            self.runner.wait()

    def _wait_for_prey(self, *, is_early: bool) -> None:
        """Wait for a moment to strike: when a trial of this runner has begun, unless it is to be early."""
        assert self.runner is not None
        limit = time.monotonic() + (0 if is_early else PATIENCE)
        while (
            self.runner.poll() is None and self._said_by_trials() == self.heard and time.monotonic() < limit
        ):
            self._wait(0.02)
        self._wait(self.draw.choice([0.05, 0.3]) * self.draw.random())

    def _said_by_trials(self) -> int:
        return self.oracle.stat().st_size if self.oracle.exists() else 0

    def _wait(self, seconds: float) -> None:
        assert self.runner is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.runner.wait(seconds)

    def _ask(self, *words: str) -> Any:
        """Return what a command says, beside everything: it never fails."""
        command = [HPO, *words, "--json"]
        done = subprocess.run(
            command,
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode != 0 or "Traceback" in done.stderr:
            raise AssertionError(f"hpo {' '.join(words)} ended with {done.returncode}: {done.stderr[-1000:]}")
        return json.loads(done.stdout)

    # -- faults

    def _harm(self, fault: str) -> None:
        """Do one fault, undo what it left to undo, and note whether it hit a runner or what belongs to it."""
        assert self.runner is not None
        is_there = self.runner.poll() is None
        if fault.startswith("kill"):
            hit = self._kill_one_of(fault.removeprefix("kill ").removeprefix("the ").removeprefix("a "))
        else:
            hit = getattr(self, "_" + re.sub(r"\W+", "_", fault))()
        (self.faults if is_there and hit else self.missed)[fault] += 1

    def _processes(self) -> dict[str, list[int]]:
        assert self.runner is not None
        runner = [self.runner.pid] if self.runner.poll() is None else []
        below = [pid for each in runner for pid in children(each)]
        servers = [pid for pid in below if b"hpo.runtime.forkserver" in read(f"/proc/{pid}/cmdline")]
        page = [
            pid for pid in living(self.oracle, patience=0) if b"hpo.dashboard" in read(f"/proc/{pid}/cmdline")
        ]
        trials = [pid for server in servers for pid in children(server)]
        return {"runner": runner, "fork server": servers, "trial": trials, "page": page}

    def _kill_one_of(self, what: str) -> bool:
        assert self.runner is not None
        found, limit = self._processes(), time.monotonic() + 1
        while (
            not found.get(what, found["runner"]) and self.runner.poll() is None and time.monotonic() < limit
        ):
            found = self._processes()  # one trial has just ended, and the next has not begun
        if what == "all":
            victims = [pid for pids in found.values() for pid in pids]
            self.draw.shuffle(victims)
        else:
            victims = found[what][:1]
        self.servers_killed += bool(set(victims) & set(found["fork server"]))
        self.trials_killed.update(set(victims) & set(found["trial"]))
        for pid in victims:
            self._kill(pid)
        if set(victims) & set(found["runner"]):
            self.runner.wait()
        if what == "page" and victims and self.runner.poll() is None:
            self._open_page()
        return bool(victims)

    def _kill(self, pid: int, number: int = signal.SIGKILL) -> None:
        self.killed.add(pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    def _suspend_and_continue(self) -> bool:
        victims = [pid for name, pids in self._processes().items() if name != "page" for pid in pids]
        if victims:
            victim = self.draw.choice(victims)
            self._signal(victim, signal.SIGSTOP)
            time.sleep(self.draw.random())
            self._signal(victim, signal.SIGCONT)
        return bool(victims)

    def _suspend_the_fork_server_kill_the_runner(self) -> bool:
        servers = self._processes()["fork server"]
        for pid in servers:
            self._signal(pid, signal.SIGSTOP)
        self._kill_one_of("runner")
        time.sleep(self.draw.random() * 0.3)
        for pid in servers:
            self._signal(pid, signal.SIGCONT)
        return bool(servers)

    @staticmethod
    def _signal(pid: int, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    def _end(self) -> bool:
        """End the runner as a user or a system does: it leaves in good order."""
        assert self.runner is not None
        number = self.draw.choice([signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
        for _ in range(self.draw.randint(1, 3)):
            self.runner.send_signal(number)
            self._wait(0.1)
        self.runner.wait(60)
        return True

    def _stop(self) -> bool:
        return self._command("stop")[1] == 0  # else it is done, or not begun

    def _a_rival(self) -> bool:
        """Resume an experiment that runs: the second is sent away, unless the first has just ended."""
        said, status = self._command("resume", "--no-web")
        if status not in (0, 2) or "Traceback" in said:
            self.violations.append(f"a second runner ended with {status}: {said}")
        return "is being run by" in said

    def _cancel_a_trial(self) -> bool:
        """Cancel the trial that began last: by the time the command is there, another may be over."""
        begun = re.findall("^begin ([0-9]+)", self.oracle.read_text(), re.M) if self.oracle.exists() else []
        if not begun:
            return False
        (store,) = self.disk.glob("home/[!.]*/experiment.db")
        self.canceled.add(int(begun[-1]))
        return self._command("trial", "kill", store.parent.name, begun[-1])[1] == 0

    def _wish_for_a_trial(self) -> bool:
        x = self.draw.random()
        self.wished[x] = self._command("enqueue", f"x={x}")[1] == 0
        return self.wished[x]

    def _wish_for_more_trials(self) -> bool:
        is_heard = self._command("update", "--max-trials", str(self.trials + 2))[1] == 0
        self.trials += 2 * is_heard
        return is_heard

    def _look(self) -> bool:
        known = self._ask("list")
        if known:
            self._ask("show")
            self._ask("trial", "list")
        return bool(known)

    def _command(self, *words: str) -> tuple[str, int]:
        command = [*self._prefix, HPO, *words]
        done = subprocess.run(
            command,
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return done.stderr, done.returncode

    def _fill_the_disk(self) -> bool:
        ballast = fill(self.disk, leave=self.draw.choice([0, 0, 100_000]))
        time.sleep(self.draw.random() * 1.5)
        ballast.unlink()
        return True

    def _fill_the_disk_kill_all(self) -> bool:
        ballast = fill(self.disk)
        time.sleep(self.draw.random())
        hit = self._kill_one_of("all")
        ballast.unlink()
        return hit

    def _set_the_clock(self) -> bool:
        self.clock.write_text(str(self.draw.choice([-1, 1]) * self.draw.choice([2, 3600, 86400, 10**7])))
        return True

    def _open_page(self) -> None:
        """Ask for what a program asks for: the page's process starts, where there is none."""
        limit = time.monotonic() + 60
        assert self.runner is not None
        while self.runner.poll() is None and time.monotonic() < limit:
            links = re.findall(rb"http://127\.0\.0\.1:(\d+)/enter", self.log.read_bytes()[self.begin :])
            if links:
                break
            time.sleep(0.02)
        else:
            return
        token = (self.disk / "home" / "web" / "token").read_text()
        request = urllib.request.Request(f"http://127.0.0.1:{int(links[-1])}/api/experiments")
        request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                json.load(answer)
        except OSError as error:
            if self.runner.poll() is None:
                self.violations.append(f"the page does not answer: {error}")

    # -- what must hold

    def _judge(self) -> None:
        for pid in self._processes()["page"]:  # it would wait a minute for somebody to look
            self._signal(pid, signal.SIGTERM)
        orphans = living(self.oracle, self.word.encode())
        self._demand(not orphans, f"processes live on: {[read(f'/proc/{p}/cmdline') for p in orphans]}")
        self._demand(self.script.read_text() == SCRIPT, "the user's script was changed")
        for log in (self.log, *self.disk.glob("home/*/runner.log"), *self.disk.glob("home/web/*.log")):
            said = log.read_text(errors="replace")
            self._demand("Traceback" not in said, f"a traceback in {log.name}: {said[-1500:]}")
        (store,) = self.disk.glob("home/[!.]*/experiment.db")
        with contextlib.closing(sqlite3.connect(store)) as db:
            db.row_factory = sqlite3.Row
            sound = [row[0] for row in db.execute("PRAGMA integrity_check")]
            self._demand(sound == ["ok"], f"the store is damaged: {sound[:3]}")
            rows = {row["number"]: row for row in db.execute("SELECT * FROM trial")}
            curves: dict[int, Curve] = {number: [] for number in rows}
            for number, *point in db.execute(
                "SELECT trial, step, value FROM metric ORDER BY trial, sequence"
            ):
                curves[number].append(tuple(point))
        oracle = Oracle.read(self.oracle)
        self._judge_numbers(rows)
        self._demand(not oracle.repeated, f"run again after their results: {oracle.repeated}")
        for number, row in rows.items():
            self._judge_trial(row, oracle)
            self._judge_course(row, curves[number], oracle)
        self._judge_best({n: row["value"] for n, row in rows.items() if row["state"] == "succeeded"})

    def _judge_numbers(self, rows: dict[int, sqlite3.Row]) -> None:
        """Each trial is there, with those that were wished for: once, and after the others, if need be."""
        count = max(self.trials, len(rows))
        more = [number for number in range(self.trials, count) if number in rows]
        is_whole = sorted(rows) == list(range(count)) and all(
            rows[number]["origin"] == "user" for number in more
        )
        self._demand(is_whole, f"there are the trials {sorted(rows)}, and {self.trials} were to be")
        obeyed = Counter(
            json.loads(row["parameters"])["x"] for row in rows.values() if row["origin"] == "user"
        )
        for x, is_acknowledged in self.wished.items():
            self._demand(
                is_acknowledged <= obeyed[x] <= 1, f"of x={x}, wished for once, there are {obeyed[x]}"
            )
        self._demand(obeyed.keys() <= self.wished.keys(), f"nobody wished for one of {sorted(obeyed)}")

    def _judge_trial(self, row: sqlite3.Row, oracle: Oracle) -> None:
        """Compare how a trial ended with what it is known to have come to."""
        number, state, kind, this = row["number"], row["state"], self._kind_of(row), self._name(row)
        if number in oracle.results:
            kept = state == "succeeded" and row["value"] == oracle.results[number]
            self._demand(kept, f"{this} reported {oracle.results[number]!r}, and has {row['value']!r}")
        elif state == "succeeded":  # its report was whole, and then it was killed before it said so
            x = json.loads(row["parameters"])["x"]
            self._demand(row["value"] == 1 - (x - 0.3) ** 2, f"{this} has {row['value']!r} for x={x!r}")
            self._demand(kind in GOOD, f"{this} succeeded")
        elif state == "user_canceled":
            self._demand(number in self.canceled, f"{this}: nobody did")
        else:
            self._demand(state == "failed", this)
            was_killed = bool(oracle.pids.get(number, set()) & self.killed)
            if row["attempt"] not in oracle.attempts.get(
                number, {}
            ):  # it was not there yet to say which trial it is
                was_killed |= bool(self.trials_killed - set().union(*oracle.pids.values()))
            is_as_planned = kind in BAD and row["failure"] == BAD[kind][0]
            # It runs again twice: of the three that it may lose so, one may have failed by itself.
            is_lost = row["failure"] == "lost" and self.servers_killed > (1 if kind in BAD else 2)
            # What it had to say of its exception found no room, perhaps.
            is_lost |= (
                self.ground == "a small disk"
                and kind == "exception"
                and " is full; " in (row["detail"] or "")
            )
            # Within a second of one that the kernel kills for memory, another's SIGKILL looks alike.
            looks_alike = ("signal", "oom") if self.ground == "little memory" else ("signal",)
            is_as_killed = (was_killed or kind == "signal") and row["failure"] in looks_alike
            expected = is_as_planned or is_lost or is_as_killed
            self._demand(expected, f"{this}: for no reason")

    def _judge_course(self, row: sqlite3.Row, curve: Curve, oracle: Oracle) -> None:
        """Compare the attempts at a trial, and its results on the way, with what they say themselves."""
        number, attempt, this = row["number"], row["attempt"], self._name(row)
        x = json.loads(row["parameters"])["x"]
        begun = oracle.attempts.get(number, {})
        self._demand(set(begun.values()) <= {x}, f"{this} has x={x!r}, and ran with {begun}")
        # Each disturbance cuts an attempt short, perhaps before it can say that it has begun.
        unheard = attempt - len(begun)
        self._demand(0 <= unheard <= self._disturbances(), f"{this}: begun were the attempts {sorted(begun)}")
        self._demand(oracle.begun[number] == len(begun), f"{this} began {oracle.begun[number]} times")
        reported = oracle.reported.get((number, attempt), [])
        kept = [value for _, value in curve[: len(reported)]]
        self._demand(kept == reported, f"{this} reported {reported[:9]}, and has {kept[:9]}")
        expected = [(step, x * step) for step in range(len(curve))]
        self._demand(curve == expected, f"{this} has, with x={x!r}, the curve {curve[:9]}")
        is_possible = 0 <= (row["duration"] or 0) <= time.monotonic() - self.began
        self._demand(is_possible, f"{this} took {row['duration']} s")

    def _kind_of(self, row: sqlite3.Row) -> str:
        return self.kinds[row["number"] % len(self.kinds)]

    def _name(self, row: sqlite3.Row) -> str:
        what = f"{self._kind_of(row)}, attempt {row['attempt']}, {row['state']}, {row['failure']}"
        return f"trial {row['number']} ({what}, {row['detail']})"

    def _disturbances(self) -> int:
        """Return how often an attempt may have been cut short: by a fault, or by the kernel, for memory."""
        return (self.faults + self.missed).total() + self.kinds.count("hungry")

    def _judge_best(self, values: dict[int, float]) -> None:
        if not values:
            return
        choose = max if self.direction == "maximize" else min
        found = self._ask("best")
        best = choose(values.values())
        same = (found["value"], values[found["trial"]]) == (best, best)
        self._demand(same, f"the best is said to be {found}, and is {best}")

    def _demand(self, holds: bool, violation: str) -> None:
        if not holds:
            self.violations.append(violation)
