"""What other users of the machine can read, list, connect to or steer: nothing."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hpo.dashboard.access import Access
from hpo.errors import StoreError

NOBODY = 65534
SCRIPT = """import subprocess, time
import hpo
x = 0.5  # hpo: uniform(0, 1)
hpo.report_intermediate_result(x)
print("secret")
(hpo.trial_dir() / "checkpoint").write_text("secret")
time.sleep(0 if hpo.get_sequence_id() < 2 else 600)
hpo.report_final_result(x)
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home that was filled under the most careless of umasks, while its experiment runs."""
    folder = tmp_path / "home"
    (tmp_path / "train.py").write_text(SCRIPT)
    environment = {**os.environ, "HPO_HOME": str(folder)}
    runner = subprocess.Popen(
        [sys.executable, "-m", "hpo", "run", "train.py", "--max-trials", "3"],
        cwd=tmp_path, env=environment, umask=0, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        limit = time.monotonic() + 60
        while not list(folder.glob("[!.]*/trials/2/checkpoint")):
            assert time.monotonic() < limit
            time.sleep(0.05)
        yield folder
    finally:
        runner.terminate()
        runner.wait(timeout=300)


def test_under_any_umask_every_experiment_is_behind_a_folder_that_is_the_users_alone(home: Path) -> None:
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    for folder in home.iterdir():
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
    for secret in (home / "web").rglob("*"):
        assert stat.S_IMODE(secret.stat().st_mode) & 0o077 == 0, secret
    (store,) = home.glob("[!.]*/experiment.db")
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    assert stat.S_IMODE((store.parent / "wake").stat().st_mode) == 0o600


def test_another_user_reaches_nothing_even_where_the_home_was_open_before(home: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may become somebody else")
    for folder in (home, tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & 0o077 == 0:
            folder.chmod(0o755)  # as if it had been there before, open to all
    look = ["find", str(home), "-mindepth", "2", "-print", "-exec", "cat", "{}", ";"]
    found = subprocess.run(look, user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, check=False)
    assert found.stdout == b""
    assert b"Permission denied" in found.stderr


def test_a_processes_socket_has_no_name_that_others_could_connect_to(home: Path) -> None:
    marks = [f"\0HPO_HOME={home}\0".encode(), f"\0HPO_TRIAL_DIR={home}/".encode()]
    sockets = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            environment = b"\0" + (process / "environ").read_bytes()
            if any(mark in environment for mark in marks):
                sockets |= {os.readlink(fd) for fd in (process / "fd").iterdir()}
    fields = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    ours = [each for each in fields if f"socket:[{each[6]}]" in sockets]
    assert ours
    assert not [each for each in ours if len(each) > 7], "these have names"
    assert not [path for path in home.rglob("*") if path.is_socket()]


@pytest.mark.parametrize("way", ["owner", "mode", "link"])
def test_secrets_are_kept_in_no_folder_that_somebody_else_prepared(tmp_path: Path, way: str) -> None:
    web = tmp_path / "web"
    if way == "link":
        (tmp_path / "theirs").mkdir(mode=0o700)
        web.symlink_to(tmp_path / "theirs")
    else:
        web.mkdir(mode=0o700)
        (web / "codes").mkdir()
        (web / "token").write_text("a token that somebody else knows " * 2)
    if way == "owner":
        if os.geteuid() != 0:
            pytest.skip("only root may give a folder away")
        os.chown(web, NOBODY, NOBODY)
    elif way == "mode":
        web.chmod(0o777)
    with pytest.raises(StoreError, match="the page's token cannot be kept"):
        Access(tmp_path)
