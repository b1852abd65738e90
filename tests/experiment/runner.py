"""Run an experiment of shell trials, for the tests that kill runners: runner.py new|ID JSON-settings."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from hpo.config.model import Config
from hpo.errors import HpoError
from hpo.experiment import watch
from hpo.experiment.create import create, open_existing
from hpo.experiment.listener import Listener
from hpo.runtime import home
from hpo.space import SearchSpace


class Printing(Listener):
    """Print what the experiment says."""

    def noted(self, message: str) -> None:
        print(message, flush=True)


def main(reference: str, settings: str) -> int:
    """Run to the end; return the exit status that the command line would."""
    try:
        if reference == "new":
            given = json.loads(settings)
            given["space"] = SearchSpace.from_json(given["space"])
            given["code_directory"] = Path.cwd()
            watch._GRACE = given.pop("grace", watch._GRACE)
            experiment = create(Config.model_validate(given), listener=Printing())
        else:
            experiment = open_existing(home.find(reference), listener=Printing())
        print(experiment.directory, flush=True)
        experiment.run()
    except HpoError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return experiment.exit_code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
