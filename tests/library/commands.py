"""The command line, called as a user's shell does."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any


def hpo(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command that must end with this code."""
    command = [sys.executable, "-m", "hpo", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def data(*arguments: str) -> Any:
    """Return what a command prints as JSON."""
    return json.loads(hpo(*arguments, "--json").stdout)
