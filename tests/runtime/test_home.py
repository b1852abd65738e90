"""Where experiments lie."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hpo import durable
from hpo.config.model import Config
from hpo.errors import ExperimentFailed, StoreError, UsageError
from hpo.experiment.create import create
from hpo.runtime import home
from hpo.runtime.disk_use import disk_use
from hpo.runtime.store import Store
from hpo.space import SearchSpace


def test_ext4_is_told_to_spread_experiments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("lsattr") is None or subprocess.run(["lsattr", "-d", tmp_path], check=False).returncode:
        pytest.skip("this file system has no such flag")
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    for _ in range(2):
        with home.new_folder():
            pass

    def flags(folder: Path) -> set[str]:
        shown = subprocess.run(["lsattr", "-d", folder], capture_output=True, text=True, check=True).stdout
        return set(shown.split()[0])

    assert flags(tmp_path / "home") == flags(tmp_path) | {"T"}


def test_what_is_made_is_for_its_owner_alone_whatever_the_umask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    before = os.umask(0)
    try:
        with home.new_folder() as directory:
            made = [tmp_path / "home", directory, *directory.iterdir()]
            assert {path.name: path.stat().st_mode & 0o077 for path in made} == {p.name: 0 for p in made}
    finally:
        os.umask(before)


def test_a_disk_that_fills_up_while_an_experiment_is_made_is_said_of_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path))
    with pytest.raises(StoreError) as raised, home.new_folder() as directory:
        raise StoreError("it cannot be written", help="hpo resume it") from OSError("the disk is full")
    assert raised.value.message == f"the experiment cannot be stored in {tmp_path}: the disk is full"
    assert "resume" not in str(raised.value.help)
    assert not directory.exists()


def test_where_the_disk_does_not_take_its_name_no_experiment_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path))

    def flush(path: Path) -> None:
        if path == tmp_path:
            raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(durable, "flush", flush)
    with pytest.raises(StoreError, match=r"cannot be stored in .*: broken"), home.new_folder() as directory:
        (directory / "experiment.db").touch()
    assert not list(tmp_path.iterdir())


DIES = """
import os, sys, time
from pathlib import Path
from hpo.runtime.home import take_lock

lock = take_lock(Path(sys.argv[1]))
if os.fork() == 0:
    time.sleep(1.5)
os._exit(0)
"""


def test_what_a_runner_that_died_has_left_may_end_before_another_takes_its_lock(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", DIES, tmp_path], check=True)
    home.take_lock(tmp_path).close()


def test_where_a_runner_lives_no_other_takes_its_lock(tmp_path: Path) -> None:
    with (
        home.take_lock(tmp_path),
        pytest.raises(UsageError, match=f"is being run by process {os.getpid()} on "),
    ):
        home.take_lock(tmp_path)


def test_a_runner_whose_lock_was_removed_is_a_runner_still(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "wake")
    with home.take_lock(tmp_path):
        listening = os.open(tmp_path / "wake", os.O_RDWR | os.O_NONBLOCK)
        (tmp_path / "lock").unlink()
        assert home.is_running(tmp_path)
        with pytest.raises(UsageError, match="is being run by another process"):
            home.take_lock(tmp_path)
        assert home.is_running(tmp_path)  # now that there is a lock again, which nobody has
        os.close(listening)
    assert not home.is_running(tmp_path)
    home.take_lock(tmp_path).close()


def test_where_there_is_no_experiment_or_not_the_one_that_is_asked_for_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path))
    for reference in (None, "mine"):
        with pytest.raises(UsageError, match=f"there is no experiment in {tmp_path}") as caught:
            home.find(reference)
        assert caught.value.help == "start one: hpo run SCRIPT"
    with home.new_folder() as directory:
        settings = {"direction": "maximize", "config": {}, "space": {}, "defaults": {}}
        Store.create(directory, id="a", name="mine", **settings).close()  # type: ignore[arg-type]
    made = home.public_name(directory)
    made.rename(mine := tmp_path / "mnbvcxz")
    (mine / "wake").unlink()  # a pipe cannot be copied
    shutil.copytree(mine, tmp_path / "mnbvcxzl")
    shutil.copytree(mine, tmp_path / "lkjhgfd")
    assert home.find_damaged("mnbvcxz") == mine
    assert home.find_damaged("lk") == tmp_path / "lkjhgfd"
    shutil.rmtree(tmp_path / "mnbvcxzl")
    shutil.rmtree(tmp_path / "lkjhgfd")
    mine.rename(made)
    assert home.find(None) == home.find("mine") == home.find_damaged(made.name[:5]) == made
    with pytest.raises(UsageError, match=f"there is no experiment yours in {tmp_path}"):
        home.find("yours")
    assert home.status(home.public_name(directory), "done") == "done"
    assert home.status(home.public_name(directory), "running") == "interrupted"


def test_on_a_full_disk_a_lock_can_be_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(_fd: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", write)
    with (
        home.take_lock(tmp_path),
        pytest.raises(UsageError, match="is being run by another process"),
    ):
        home.take_lock(tmp_path)


#: Fifty processes that try to take a lock at one moment; those that have it wait for all to have tried.
RUSH = """
import os, sys
from pathlib import Path
from hpo.errors import UsageError
from hpo import durable
from hpo.runtime import home
(begin, start), (said, say), (end, stop) = os.pipe(), os.pipe(), os.pipe()
for _ in range(50):
    if not os.fork():
        os.close(start), os.close(stop)
        os.read(begin, 1)
        try:
            lock = home.take_lock(Path(sys.argv[1]))
        except UsageError as error:
            os.write(say, b"-" if "is being run by" in error.message else b"?")
        else:
            os.write(say, b"+")
        os.read(end, 1)
        os._exit(0)
os.close(start)
answers = b""
while len(answers) < 50:
    answers += os.read(said, 50)
os.close(stop)
for _ in range(50):
    os.wait()
print(answers.count(b"+"), answers.count(b"-"))
"""


def test_of_many_that_take_a_lock_at_one_moment_one_has_it(tmp_path: Path) -> None:
    for _ in range(int(os.environ.get("HPO_RUSHES", "2"))):
        rush = [sys.executable, "-c", RUSH, tmp_path]
        done = subprocess.run(rush, capture_output=True, text=True, timeout=300, check=True)
        assert done.stdout == "1 49\n", done.stderr


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the ids of two experiments, which begin alike."""
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    space = SearchSpace.from_json({"x": {"_type": "uniform", "_value": [0, 1]}})
    for name in ("ab1", "ab2"):
        experiment = create(Config(command="true", space=space, max_trials=1))
        with pytest.raises(ExperimentFailed):
            experiment.run()
        experiment.directory.rename(tmp_path / "home" / name)
    return ["ab1", "ab2"]


def test_the_beginning_of_an_id_will_do_unless_several_begin_so(two: list[str]) -> None:
    assert [home.find(name).name for name in two] == two
    with pytest.raises(UsageError, match=r"ab fits ab[12], ab[12]") as raised:
        home.find("ab")
    assert raised.value.help == "give more of the id"
    home.remove(home.find("ab2"))
    assert home.find("ab").name == "ab1"


def test_what_is_left_of_a_deletion_that_was_cut_short_is_no_experiment_and_goes(two: list[str]) -> None:
    doomed = home.find("ab1")
    doomed.rename(doomed.with_name(".deleted-ab1"))
    assert [path.name for path, _ in home.experiments()] == ["ab2"]
    home.remove_remains()
    assert [path.name for path in home.home().iterdir()] == ["ab2"]


START = """
import time
from hpo.runtime import home
with home.new_folder() as directory:
    print(directory, flush=True)
    time.sleep(60)
"""


def test_what_is_left_of_a_start_that_was_killed_goes_and_a_start_under_way_is_not_disturbed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    with subprocess.Popen([sys.executable, "-c", START], stdout=subprocess.PIPE, text=True) as start:
        assert start.stdout is not None
        left = Path(start.stdout.readline().strip())
        start.kill()
    with home.new_folder() as directory:
        home.remove_remains()
        assert directory.exists()
        assert left.exists()  # it might be under way as well
        os.utime(left, (0, time.time() - 86500))
        home.remove_remains()
        assert directory.exists()
        assert not left.exists()
    assert list((tmp_path / "home").iterdir()) == [home.public_name(directory)]


def test_a_file_system_without_locks_is_said_to_be_one(
    two: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    directory = home.find("ab1")
    with pytest.raises(
        StoreError, match=f"ab1 cannot be locked in {directory}: No locks available"
    ) as raised:
        home.take_lock(directory)
    assert "a file system with locks" in str(raised.value.help)


def test_a_wish_that_cannot_be_read_is_one_for_nothing(two: list[str]) -> None:
    directory = home.find("ab1")
    home.send_command(directory, {"do": "stop"})
    (wish,) = (directory / "commands").iterdir()
    for text in ('{"do": ', "[1]"):
        wish.write_text(text)
        assert list(home.commands(directory)) == [(wish, {})]


def test_wishes_are_obeyed_in_the_order_in_which_they_were_made(two: list[str]) -> None:
    directory = home.find("ab1")
    wanted = [{"do": "enqueue", "parameters": {"x": i / 50}} for i in range(50)]
    for wish in wanted:
        home.send_command(directory, wish)
    for path in (directory / "commands").iterdir():
        os.utime(path, (1, 1))  # as if they had come within one step of the file system's clock
    assert [wish for _, wish in home.commands(directory)] == wanted


def test_what_a_trials_link_leads_to_is_none_of_what_the_experiment_takes(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "large").write_bytes(bytes(1 << 20))
    trial = tmp_path / "experiment" / "trials" / "0"
    trial.mkdir(parents=True)
    before = disk_use(tmp_path / "experiment").total
    (trial / "link").symlink_to(tmp_path / "elsewhere")
    (trial / "large").symlink_to(tmp_path / "elsewhere" / "large")
    assert disk_use(tmp_path / "experiment").total < before + (1 << 16)


def test_what_may_not_be_written_to_is_not_half_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder := tmp_path / "mnbvcxz").mkdir()
    for kept in (folder, tmp_path):
        with monkeypatch.context() as patched:
            patched.setattr(os, "access", lambda path, _, kept=kept: path != kept)
            with pytest.raises(StoreError, match=f"mnbvcxz cannot be deleted: {kept} may not be written to"):
                home.remove(folder)
        assert folder.is_dir()
    home.remove(folder)
    assert not folder.exists()


def test_a_wish_that_cannot_be_left_is_said(tmp_path: Path) -> None:
    (tmp_path / "commands").touch()
    with pytest.raises(StoreError, match="cannot be told"):
        home.send_command(tmp_path, {"do": "stop"})


def test_folders_that_a_trial_protected_are_deleted_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (kept := tmp_path / "mnbvcxz" / "trials" / "0" / "cache").mkdir(parents=True)
    (kept / "module").touch()
    kept.chmod(0o500)
    remove = shutil.rmtree

    def as_another_than_root(path: Path) -> None:
        if any(each.is_dir() and not each.stat().st_mode & 0o200 for each in path.rglob("*")):
            raise PermissionError(13, "Permission denied")
        remove(path)

    monkeypatch.setattr(shutil, "rmtree", as_another_than_root)
    home.remove(tmp_path / "mnbvcxz")
    assert not list(tmp_path.iterdir())
