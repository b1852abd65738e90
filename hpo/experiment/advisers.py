"""The tuner and the assessor of an experiment, as the loop asks them; who fails is named."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Literal

from hpo.config.model import Algorithm, Config
from hpo.errors import TunerError
from hpo.experiment.asking import Asking
from hpo.trial import Trial
from hpo.tuners import BUILT_IN_TUNERS
from hpo.tuners.assessor import Assessor
from hpo.tuners.base import Tuner
from hpo.tuners.loading import failures_of

__all__ = ["Advisers"]


class Advisers:
    """Ask the tuner for trials, and the assessor which of them to stop.

    Args:
        tuner: proposes, and is told how trials end.
        assessor: what stops trials, where the tuner has none of its own.
        config: names both.
        name: of the experiment, for who mends what failed.
        breaking_in: lets a second signal end a user's own class that never comes back.

    Attributes:
        tuner: the present one: another space has another.
    """

    def __init__(
        self,
        tuner: Tuner,
        assessor: Assessor | None,
        config: Config,
        name: str,
        breaking_in: Callable[[], contextlib.AbstractContextManager[None]],
    ) -> None:
        self.tuner = tuner
        self._assessor, self._config, self._name = assessor, config, name
        self._breaking_in = breaking_in
        self._asking = Asking()

    @property
    def assessor(self) -> Assessor | None:
        """What stops trials that will not be good."""
        return self.tuner.assessor or self._assessor

    @property
    def keeps_curves(self) -> bool:
        """Whether somebody may ask for the results on the way of trials that ended.

        Assessors do, and perhaps a tuner of the user's own; 100,000 trials with 50 each take 600 MB.
        """
        return self._chosen("tuner").file is not None or self.assessor is not None

    @property
    def keeps_data(self) -> bool:
        """Whether somebody asks for the whole of results that are dicts."""
        return self.keeps_curves or not self._config.wanted.are_plain

    def propose(self) -> Trial | None:
        """Return the next trial, or None where there is nothing to propose now."""
        chosen = self._chosen("tuner")
        with self.blamed("tuner"):
            trial = self._asking.ask(self.tuner)
            if trial is not None and (chosen.file is not None or chosen.name not in BUILT_IN_TUNERS):
                self.tuner.check_proposal(trial)
        return trial

    def tell(self, trial: Trial) -> None:
        """Tell the tuner how a trial ended."""
        with self.blamed("tuner"):
            self.tuner.tell(trial, trial.value)

    def should_stop(self, trial: Trial) -> bool:
        """Tell whether a running trial, which reported something, will not be good."""
        if self.assessor is None:
            return False
        peers = list(self.tuner.trials.values())
        with self.blamed(self._judge):
            return self.assessor.should_stop(trial, peers)

    @property
    def judge(self) -> str:
        """The name of who stops trials."""
        return self._chosen(self._judge).name

    @property
    def _judge(self) -> Literal["tuner", "assessor"]:
        return "assessor" if self.tuner.assessor is None else "tuner"

    def end(self, *, failed: bool) -> str | None:
        """Let classes of the user's close what they have open; return what goes wrong: it changes nothing."""
        try:
            with self.blamed("tuner"):
                self.tuner.end(failed=failed)
            if self._assessor is not None:
                with self.blamed("assessor"):
                    self._assessor.end(failed=failed)
        except TunerError as error:
            return error.message
        return None

    @contextlib.contextmanager
    def blamed(self, kind: Literal["tuner", "assessor"]) -> Iterator[None]:
        """Turn what goes wrong inside a tuner or an assessor into an error that names it."""
        chosen = self._chosen(kind)
        help_ = f"mend it, then go on with: hpo resume {self._name}"
        with failures_of(f"the {kind} {chosen.name}", chosen.file, help=help_):
            if chosen.file is None:
                yield
            else:
                with self._breaking_in():
                    yield

    def _chosen(self, kind: Literal["tuner", "assessor"]) -> Algorithm:
        chosen = self._config.tuner if kind == "tuner" else self._config.assessor
        assert chosen is not None
        return chosen
