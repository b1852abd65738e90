"""Does any file break annotation? Fuzzed with atheris, which looks for inputs that reach other code.

What counts as broken is said by `tests/annotate/test_fuzz.py`: an exception, a second of processor time,
something of the file that is run, a rewritten file that does not compile or has other lines. The seeds are
the golden scripts, the examples of `docs/diagnostics.md`, and each place with each domain; the dictionary has
the words of marks. What fails is kept, once for each place in our code that it fails at. All times are those
of the processor, so that a busy machine is no failure.

It needs ``pip install atheris`` beside the packages for development.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

from measure import print_table

ROOT = Path(__file__).parents[1]
LONGEST = 4000  # bytes of a file
HANGS = 30  # seconds after which a file is given up


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30, help="of the processor")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--failures", type=Path, help="a folder for the files that fail")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _fuzz(Path(folder), options.minutes * 60, options.seed, options.failures)


def _fuzz(folder: Path, seconds: float, seed: int, failures: Path | None) -> None:
    import atheris

    ours = ["hpo.annotate", "hpo.expressions", "hpo.constraints", "hpo.parameters"]
    with atheris.instrument_imports(include=ours):
        sys.path.insert(0, str(ROOT / "tests" / "annotate"))
        import test_fuzz

    script = folder / "train.py"
    script.write_text("")
    seeds, words = folder / "seeds", folder / "words"
    _write_seeds(seeds, test_fuzz)
    fragments = [*test_fuzz.FRAGMENTS, "# hpo: ", "'''@hpo.", "import hpo\n", "@hpo.param(x="]
    words.write_text("".join(f'"{_escaped(w)}"\n' for w in fragments))
    tally = _Tally(seconds, failures)

    def one(data: bytes) -> None:
        tally.count()
        signal.setitimer(signal.ITIMER_PROF, HANGS)
        try:
            test_fuzz.check(script, data)
        except Exception as error:
            tally.note(error, data)
        if tally.is_over:
            tally.end()

    arguments = [sys.argv[0], f"-dict={words}", f"-max_len={LONGEST}", f"-seed={seed}", "-timeout=1000000"]
    atheris.Setup([*arguments, "-verbosity=0", str(seeds)], one)
    signal.signal(signal.SIGPROF, _give_up)
    signal.signal(signal.SIGTERM, lambda *_: tally.end())
    tally.begin()
    atheris.Fuzz()  # does not return; the tally ends the process


def _write_seeds(folder: Path, test_fuzz: object) -> None:
    folder.mkdir()
    page = (ROOT / "docs" / "diagnostics.md").read_text(encoding="utf-8")
    texts = [
        block.encode() for block in re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    ]
    texts += test_fuzz.SCRIPTS  # type: ignore[attr-defined]
    for place in test_fuzz.PLACES:  # type: ignore[attr-defined]
        texts += [place.format(domain).encode() for domain in test_fuzz.DOMAINS]  # type: ignore[attr-defined]
    for text in texts:
        (folder / hashlib.sha1(text, usedforsecurity=False).hexdigest()).write_bytes(text)


def _escaped(word: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word.encode("utf-8", "surrogatepass"))


def _give_up(*_: object) -> None:
    raise TimeoutError(f"it takes more than {HANGS} s")


class _Tally:
    """What was tried, and what failed; ends the process when its time is over."""

    def __init__(self, seconds: float, failures: Path | None) -> None:
        self.seconds, self.failures = seconds, failures
        self.files = 0
        self.failed: dict[str, str] = {}

    def begin(self) -> None:
        self.cpu = time.process_time()

    def count(self) -> None:
        self.files += 1

    @property
    def is_over(self) -> bool:
        return time.process_time() - self.cpu > self.seconds

    def note(self, error: Exception, data: bytes) -> None:
        ours = [f for f in traceback.extract_tb(error.__traceback__) if str(ROOT) in f.filename]
        place = f"{type(error).__name__} at {Path(ours[-1].filename).name}:{ours[-1].lineno}"
        if place in self.failed:
            return
        self.failed[place] = "".join(traceback.format_exception(error))[-1500:]
        print(f"{place}: {data!r}\n{self.failed[place]}", flush=True)
        if self.failures is not None:
            self.failures.mkdir(parents=True, exist_ok=True)
            (self.failures / re.sub(r"\W+", "_", place)).write_bytes(data)

    def end(self) -> None:
        cpu = (time.process_time() - self.cpu) / 60
        rows = [["files", f"{self.files:,}"], ["minutes of the processor", f"{cpu:.1f}"]]
        print_table(["what", "how many"], [*rows, ["failures, by place", str(len(self.failed))]])
        sys.stdout.flush()
        os._exit(1 if self.failed else 0)  # libFuzzer has no other way out


if __name__ == "__main__":
    main()
