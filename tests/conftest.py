"""Settings that all tests share."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from hypothesis import settings

# Shells let what they start in the background ignore Ctrl-C, and so would every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is no failure: properties are about values, and time is measured in benchmarks/.
# `tests/fuzz.py` looks longer.
settings.register_profile("hpo", deadline=None, max_examples=int(os.environ.get("HPO_FUZZ_EXAMPLES", "100")))
settings.load_profile("hpo")


#: The files that take longest. Each file is one process's, which makes its fixtures once; with a long one
#: at the end, that process would work and the others wait.
_LONG = ["test_ray.py", "test_browser.py", "test_contract.py", "test_examples.py", "test_documentation.py"]
_LONG += ["test_campaigns.py", "test_signals.py", "test_other_sites.py", "test_payloads.py"]
_LONG += ["test_commands.py", "test_rescue.py", "test_scarce.py", "test_hung_disk.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    items.sort(key=lambda item: _LONG.index(item.path.name) if item.path.name in _LONG else len(_LONG))


@pytest.fixture(scope="session")
def nvml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the stand-in for NVIDIA's library, and return its folder, for LD_LIBRARY_PATH."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        if "CI" in os.environ:
            pytest.fail("there is no C compiler, and CI has to test devices")
        pytest.skip("there is no C compiler (cc, gcc or clang) to build the stand-in for NVIDIA's library")
    folder = tmp_path_factory.mktemp("nvml")
    source = Path(__file__).parent / "runtime" / "nvml.c"
    target = folder / "libnvidia-ml.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", target, source], check=True)
    return folder
