"""`hpo` alone: how one begins, or where one stands."""

from __future__ import annotations

from hpo.errors import HpoError, printable
from hpo.experiment.wording import counted
from hpo.runtime import home

__all__ = ["welcome"]

_BEGIN = """\
hpo tunes a script: mark the values worth tuning where they stand, and run it.

  lr = 0.01  # hpo: loguniform(1e-5, 1e-1)

No experiment yet. To begin:

  hpo init                            finds your script, and proposes marks
  hpo run train.py --max-trials 30    tunes what is marked
  hpo apply                           the diff that writes the best values into it

  hpo doctor                          what is here to work with, and what is missing
  hpo --help                          every command
  hpo --install-completion            lets your shell complete them"""

_GO_ON = """
  hpo show {id}    where it stands
  hpo list             all of them
  hpo web              all of them in the browser
  hpo --help           every command"""


def welcome() -> None:
    """Print what a person needs who says nothing but `hpo`."""
    try:
        found = home.experiments()
    except HpoError as error:
        print(f"{_BEGIN}\n\n{error.message}: {error.help}")
        return
    if not found:
        print(_BEGIN)
        return
    directory, row = found[0]
    status = home.status(directory, row["status"])
    print(
        f"{counted(len(found), 'experiment')} in {home.home()}; "
        f"the newest, {printable(row['name'])}, is {status}."
    )
    print(_GO_ON.format(id=directory.name))
