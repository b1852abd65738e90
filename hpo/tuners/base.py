"""The contract of a tuner: a function of the space, the seed, and the trials it was told.

A tuner proposes with `ask` and learns with `tell`. It never draws from hidden state: each proposal uses a
generator seeded by (seed, trial number), and what must be remembered of a trial (its rung, its parent)
is JSON in `trial.memo`. So an experiment resumes by replay: the recorded trials are added and told again,
in the recorded order, and the next proposal is the one that would have come.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from hpo.errors import TunerError
from hpo.space import SearchSpace
from hpo.trial import Trial

__all__ = ["Direction", "Tuner"]

Direction = Literal["maximize", "minimize"]


class Tuner(ABC):
    """Propose configurations of a space, and learn from their results.

    Args:
        space: what to search.
        direction: whether larger results are better.
        seed: two tuners with one seed, told the same in the same order, propose the same.

    Attributes:
        trials: every trial proposed or added, by number.
        done: there is nothing left to propose, ever (a grid that is exhausted).
    """

    #: NNI's name of the tuner, and the default direction that NNI gives it.
    name: ClassVar[str]
    default_direction: ClassVar[Direction] = "maximize"

    def __init__(self, space: SearchSpace, *, direction: Direction = "maximize", seed: int = 0) -> None:
        if direction not in ("maximize", "minimize"):
            raise TunerError(f"direction is {direction!r}", help="it is maximize or minimize")
        self.space = space
        self.direction = direction
        self.seed = seed
        self.trials: dict[int, Trial] = {}
        self.done = False

    # -- what an experiment calls

    def ask(self) -> Trial | None:
        """Propose the next trial, or None: nothing to propose now (see `done` for: never again)."""
        number = max(self.trials, default=-1) + 1
        trial = None if self.done else self.suggest(number)
        if trial is not None:
            self.trials[number] = trial
        return trial

    def add(self, trial: Trial) -> None:
        """Take note of a trial that is under way: a replayed one, or one that the user asked for.

        Its configuration may lie outside the space (the source's own values may).
        """
        self.trials[trial.number] = trial

    def tell(self, trial: Trial, value: float | None) -> None:
        """Learn the result of a trial; None says that it failed (`trial.failure` says how).

        A trial is told once; of two results the first counts. `trial.intermediate` holds what it
        reported on its way, for early-stopped trials too.
        """
        known = self.trials.setdefault(trial.number, trial)
        if known.state.is_final and known is not trial:
            return
        self.observe(trial, value)

    # -- what an algorithm writes

    @abstractmethod
    def suggest(self, number: int) -> Trial | None:
        """Propose trial `number`; draw from `self.rng(number)` only."""

    def observe(self, trial: Trial, value: float | None) -> None:
        """Learn from a result. Cheap: replay calls it for every trial before the first proposal."""

    def rng(self, number: int) -> np.random.Generator:
        """Return the generator of a trial's proposal."""
        return np.random.default_rng((self.seed, number))

    def loss(self, value: float) -> float:
        """Return a result so that smaller is better."""
        return -value if self.direction == "maximize" else value

    @classmethod
    def check_space(cls, space: SearchSpace) -> None:
        """Refuse, when an experiment begins, a space that this algorithm cannot search.

        Raises:
            TunerError: it says why, and which tuners can.
        """

    def explain(self) -> Mapping[str, Any]:
        """Return what `hpo show` tells of the tuner's present model, as JSON."""
        return {}
