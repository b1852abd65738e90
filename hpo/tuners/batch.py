"""Batch: run a given list of configurations, in order."""

from __future__ import annotations

from hpo.errors import TunerError
from hpo.parameters import Choice
from hpo.space import SearchSpace
from hpo.trial import Trial
from hpo.tuners.base import Tuner

__all__ = ["Batch"]


class Batch(Tuner):
    """Propose the options of the space's only parameter, a choice, in the order in which they are written.

    An option that is a dictionary is what the trial is given, as in NNI (see `hpo.trial.Trial.memo`).
    """

    name = "Batch"
    takes_several = "any"

    @classmethod
    def check_space(cls, space: SearchSpace) -> None:
        super().check_space(space)
        if len(space) != 1 or not isinstance(space[space.order[0]], Choice):
            first = space.order[0]
            has = f"{len(space)} parameters" if len(space) > 1 else f"{first}, which is {space[first]}"
            raise TunerError(
                f"Batch takes a space of one choice, whose options are the batch, and this one has {has}",
                help="list the configurations as the options of one choice, or use GridSearch, Random or TPE",
            )

    def suggest(self, number: int) -> Trial | None:
        name = self.space.order[0]
        for option in self.space[name].values() or ():
            configuration = {name: option}
            if self.is_new(configuration) and self.space.is_feasible(configuration):
                return Trial(
                    number, configuration, memo={"handed": option} if isinstance(option, dict) else {}
                )
        self.done = True
        return None
