"""Which file system a folder is on, as far as it matters to a database."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["network_file_system"]

_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "lustre", "beegfs", "gpfs", "9p"}


def network_file_system(path: Path) -> str | None:
    """Return the kind of the network file system that a folder is on; None where it is on none.

    Only Linux tells.
    """
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    resolved, deepest, found = f"{path.resolve()}/", "", ""
    for line in mounts.splitlines():
        _, where, kind, *_ = line.split()
        folder = re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), where).rstrip("/") + "/"
        if resolved.startswith(folder) and len(folder) >= len(deepest):  # the last of those on one folder
            deepest, found = folder, kind
    return found if found in _NETWORK else None
