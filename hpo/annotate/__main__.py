"""``python -m hpo.annotate PATH...``: print a project as one JSON document, and end.

A runner that lives for days reads marks in a process of its own, whose memory goes when it ends.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from hpo.annotate.project import annotate

__all__ = ["main"]


def main() -> None:
    """Read the paths of the command line, and print what is found in them."""
    json.dump(annotate([Path(argument) for argument in sys.argv[1:]]).to_document(), sys.stdout)


if __name__ == "__main__":
    main()
