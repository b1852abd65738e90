"""How fast are marks found? In a tree of many files of which few are marked, and in one long script.

The files are those of the standard library, as often as they are needed. Cold means that the system has to
read them from the disk again. `compileall` parses every file, where it has not done so before; a file without
the words that open a mark is not parsed at all here.
"""

from __future__ import annotations

import argparse
import os
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from statistics import median

from measure import HPO, PYTHON, cost, print_table

LARGEST = 20_000  # bytes of a file that is taken


def plant(root: Path, files: int, marked: int) -> int:
    """Write a tree of files, some of them marked; return its bytes."""
    sources = [p for p in Path(sysconfig.get_paths()["stdlib"]).glob("*.py") if p.stat().st_size < LARGEST]
    every = files // marked
    size = 0
    for i, source in enumerate(islice(cycle(sorted(sources)), files)):
        folder = root / f"package{i % 100}"
        folder.mkdir(exist_ok=True)
        data = source.read_bytes()
        if i % every == 0:
            mark = f"# hpo: loguniform(1e-5, 1e-1, name=rate{i})"
            data += f"\nlearning_rate = 0.01  {mark}\n".encode()
        size += len(data)
        (folder / f"module{i}.py").write_bytes(data)
    return size


def long_script(path: Path, lines: int, marks: int) -> None:
    """Write a script of functions, with a mark in each."""
    body = """    total = rate * 2 + scale[3]
    for step in range(10):
        total += model.fit(step, weights=[0.1, 0.2], **options)
        log.info("%s: %.3f", step, total)
    if total > 3 and not options:
        return None
    state = {"step": step, "total": total}
""".splitlines(keepends=True)
    with path.open("w") as file:
        for i in range(marks):
            file.write(f"def part{i}():\n    rate = 0.01  # hpo: loguniform(1e-5, 1e-1)\n")
            file.writelines(islice(cycle(body), lines // marks - 2))


def forget(root: Path) -> None:
    """Let the system drop what it has of a tree in memory."""
    for path in files_of(root):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def files_of(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("*") if path.is_file())


def compiled_away(root: Path) -> None:
    """Remove what `compileall` left."""
    for path in root.rglob("*.pyc"):
        path.unlink()


def seconds(command: list[str | Path], rounds: int, before: Callable[[], None] = lambda: None) -> float:
    """Return the median time of a command, in processes of their own."""
    walls = []
    for _ in range(rounds):
        before()
        walls.append(cost(command, dict(os.environ)).wall)
    return median(walls)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--marked", type=int, default=100)
    parser.add_argument("--lines", type=int, default=20_000, help="of the long script")
    parser.add_argument("--marks", type=int, default=500, help="in the long script")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, script = Path(folder) / "tree", Path(folder) / "long.py"
        root.mkdir()
        size = plant(root, options.files, options.marked)
        long_script(script, options.lines, options.marks)
        annotate: list[str | Path] = [HPO, "annotate", "--check", root]
        compileall: list[str | Path] = [PYTHON, "-m", "compileall", "-q", root]

        def afresh() -> None:
            compiled_away(root)
            forget(root)

        measured = {
            "`hpo annotate`, cold": seconds(annotate, options.rounds, lambda: forget(root)),
            "`hpo annotate`, warm": seconds(annotate, options.rounds),
            "`compileall`, cold": seconds(compileall, options.rounds, afresh),
            "`compileall`, warm": seconds(compileall, options.rounds, lambda: compiled_away(root)),
            "`compileall`, nothing to do": seconds(compileall, options.rounds),
        }
        long = seconds([HPO, "annotate", "--check", script], options.rounds)
    print_table(
        [f"{options.files:,} files, {options.marked} marked, {size / 1e6:.0f} MB", "s", "files/s"],
        [[what, f"{wall:.2f}", f"{options.files / wall:,.0f}"] for what, wall in measured.items()]
        + [[f"a script of {options.lines:,} lines with {options.marks} marks", f"{long:.2f}", ""]],
    )
    print(f"\nMedians of {options.rounds} runs.")


if __name__ == "__main__":
    main()
