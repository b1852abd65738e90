"""What the shell completes: experiments, tuners, assessors. Every command loads this, so it is light."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["assessors", "experiments", "tuners"]

_NAMED = 200  # experiments whose names are read: each takes part of a millisecond, and somebody waits


def experiments(incomplete: str) -> Iterator[tuple[str, str]]:
    """Yield the ids and names that begin so, the newest experiments first, each with what it is."""
    from hpo.errors import HpoError
    from hpo.experiment.documents import open_store
    from hpo.runtime import home

    try:
        folders = home.newest_folders()
    except HpoError:  # no home: nothing to complete, and nobody to tell
        return
    for path in folders[:_NAMED]:
        try:
            with open_store(path) as store:
                row = store.experiment()
        except HpoError:
            continue
        if path.name.startswith(incomplete):
            name = row["name"] if _is_word(row["name"]) else ""
            yield path.name, f"{name} {home.status(path, row['status'])}".strip()
        elif incomplete and row["name"].startswith(incomplete) and _is_word(row["name"]):
            yield row["name"], path.name
    for path in folders[_NAMED:]:
        if path.name.startswith(incomplete):
            yield path.name, ""


def _is_word(name: str) -> bool:
    """Tell whether a shell can be given a name: it may come from anybody's folder."""
    return name.replace("-", "").replace(".", "").replace("_", "").isalnum()


def tuners(incomplete: str) -> Iterator[str]:
    """Yield the tuners whose names begin so."""
    import hpo.tuners

    return (name for name in hpo.tuners.names() if name.startswith(incomplete))


def assessors(incomplete: str) -> Iterator[str]:
    """Yield the assessors whose names begin so."""
    import hpo.tuners

    return (name for name in hpo.tuners.assessor_names() if name.startswith(incomplete))
