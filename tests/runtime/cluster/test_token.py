"""A real cluster of Ray's that hpo started, and somebody who lacks its token."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ray") if "CI" not in os.environ else None


#: Starts a cluster as the bridge does, and tries to get in with what is said.
CLUSTER = """
import os, subprocess, sys
from hpo.runtime.cluster.bridge import _connect

_connect({"address": None})
import ray

enter = f"import ray; ray.init({ray.get_runtime_context().gcs_address!r}, log_to_driver=False); print('in')"
for key in {}, {"RAY_AUTH_MODE": "disabled"}:
    command, places = [sys.executable, "-c", enter], {**os.environ, **key}
    done = subprocess.run(command, env=places, capture_output=True, text=True)
    print(done.returncode, done.stdout.strip())
ray.shutdown()
"""


def test_a_cluster_of_its_own_lets_nobody_in_without_its_token(tmp_path: Path) -> None:
    places = {**os.environ, "HOME": str(tmp_path)}  # in which Ray keeps the token
    for name in ("RAY_ADDRESS", "RAY_AUTH_MODE"):
        places.pop(name, None)
    command = [sys.executable, "-c", CLUSTER]
    done = subprocess.run(command, env=places, capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.splitlines()[-2:] == ["0 in", "1 "], done.stdout + done.stderr
