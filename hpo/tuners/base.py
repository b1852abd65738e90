"""The contract of a tuner: a function of the space, the seed, and the trials it was told.

A tuner proposes with `ask` and learns with `tell`. It never draws from hidden state: each proposal uses a
generator seeded by (seed, trial number), and what must be remembered of a trial (its rung, its parent)
is JSON in `trial.memo`. So an experiment resumes by replay: the recorded trials are added and told again,
in the recorded order, and the next proposal is the one that would have come.

A tuner that works with budgets says in the memo how many passes a trial may make, ``{"budget": 9}``, and
which ended trial it goes on from, ``{"budget": 27, "continues": 4}`` (see `Tuner.continued`). The trial's
folder then begins with the files of the other, its checkpoint among them, and the budget counts the
passes from the very first. It reaches the trial as NNI's ``TRIAL_BUDGET`` and in `hpo.fidelity`. One
without a budget runs whole.

This module needs the standard library alone: an experiment that searches at random or over a grid never
loads numpy. Algorithms that use it seed their generator with `Tuner.generator`.
"""

from __future__ import annotations

import json
import math
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from hpo.errors import SpaceError, TunerError
from hpo.parameters import identity
from hpo.space import Configuration, SearchSpace
from hpo.trial import Trial, TrialState

if TYPE_CHECKING:
    import numpy as np

    from hpo.tuners.assessor import Assessor

__all__ = ["Direction", "Tuner"]

Direction = Literal["maximize", "minimize"]

# Failures that say something about the machine or the user, and nothing about the configuration.
_BLAMELESS = frozenset({"lost"})


class Tuner(ABC):
    """Propose configurations of a space, and learn from their results.

    A subclass writes `suggest`, and takes its own arguments as annotated keyword-only arguments of
    `__init__`: `hpo.tuners.create` checks what a configuration gives against those annotations.

    Args:
        space: what to search.
        direction: whether larger results are better.
        seed: two tuners with one seed, told the same in the same order, propose the same.

    Attributes:
        hurried: trials are over sooner than proposals are made: whoever thinks long should think less, and
            note in the memo what a resumed experiment must know of it.
        trials: every trial proposed, added or told, by number; those of an earlier experiment that it was
            told have numbers below 0.
        results: the value of every trial that was told, by number, in the order of telling; None for
            those without one.
        done: there is nothing left to propose, ever (a grid that is exhausted).
    """

    #: NNI's name of the tuner, and the default direction that NNI gives it.
    name: ClassVar[str]
    default_direction: ClassVar[Direction] = "maximize"
    #: Its argument that says how many passes a whole trial makes: where the script's loop says it too, and
    #: nobody gives the argument, the loop decides.
    whole_budget: ClassVar[str | None] = None
    #: What it does with several objectives, or constraints on results: nothing; it searches all the same,
    #: whatever the results are; it is told one loss in their place, another for each proposal (see
    #: `scalarised`); or it takes `objectives` itself.
    takes_several: ClassVar[Literal["", "any", "one", "itself"]] = ""
    #: Whether it proposes on purpose what it proposed before. Else it is done when a finite space is tried
    #: out: a result with noise is measured again by ``--repeat``.
    repeats: bool = False
    #: What stops its trials on their way, where it does that as well, in the place of any other assessor.
    assessor: Assessor | None = None

    def __init__(self, space: SearchSpace, *, direction: Direction = "maximize", seed: int = 0) -> None:
        if direction not in ("maximize", "minimize"):
            raise TunerError(f"direction is {direction!r}", help="it is maximize or minimize")
        self.space = space
        self.direction: Direction = direction
        self.seed = seed
        self.trials: dict[int, Trial] = {}
        self.results: dict[int, float | None] = {}
        self._under_way: dict[int, Trial] = {}
        self.done = False
        self.hurried = False
        self._next_number = 0
        self._identities: set[str] = set()

    # -- what an experiment calls

    def ask(self) -> Trial | None:
        """Propose the next trial, or None: nothing to propose now (see `done` for: never again)."""
        trial = None if self.done else self.suggest(self._next_number)
        if trial is not None:
            if not isinstance(trial, Trial) or trial.number != self._next_number:
                raise TunerError(
                    f"{type(self).__name__}.suggest({self._next_number}) returned {trial!r}",
                    help="return Trial(number, parameters) with the number that it is given, or None",
                )
            if all(
                name in self.space and self.space[name].contains(v) for name, v in trial.parameters.items()
            ):
                # Whatever an algorithm proposes inside the space, a constraint is never violated.
                trial.parameters = self.space.feasible(trial.parameters)
            if self._goes_in_circles(trial):
                self.done = True
                return None
            self._record(trial)
        return trial

    def _goes_in_circles(self, trial: Trial) -> bool:
        """Tell whether a proposal repeats another because there is none that would not."""
        goes_on = "budget" in trial.memo or "continues" in trial.memo
        return not goes_on and not self.is_new(trial.parameters) and self.has_tried_all

    @property
    def has_tried_all(self) -> bool:
        """Whether the space has no configuration that no trial has had, and none is to be tried again."""
        if self.repeats or self.space.size() is None:
            return False
        every = self.space.configurations()
        return not any(self.is_new(each) and self.space.is_feasible(each) for each in every)

    def check_proposal(self, trial: Trial) -> None:
        """Refuse what this tuner proposed where it lies outside the space: asked of a user's own class.

        Raises:
            TunerError: it says which parameter, and what was proposed.
        """
        name = type(self).__name__
        try:
            self.space.check(trial.parameters)
        except SpaceError as error:
            raise TunerError(
                f"the tuner {name} proposed {trial.parameters}: {error}",
                help="draw with self.space.sample or self.space.from_unit: their values always are inside",
            ) from error
        try:
            json.dumps(trial.memo, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise TunerError(
                f"the tuner {name} proposed a trial with the memo {trial.memo}, which is no JSON: {error}",
                help="keep numbers of Python's, texts, lists and dicts in it",
            ) from error
        budget, earlier = trial.memo.get("budget", 1), trial.memo.get("continues")
        if isinstance(budget, bool) or not isinstance(budget, int | float):
            message = f"the tuner {name} proposed {trial.parameters} with the budget {budget!r}"
            raise TunerError(message, help="a budget is a number of passes")
        if earlier is not None and (
            type(earlier) is not int or earlier < 0 or earlier not in self.results  # below 0: not of this one
        ):
            message = f"the tuner {name} proposed {trial.parameters}, which continues {earlier!r}"
            raise TunerError(message, help="name a trial that has ended, by its number")

    def add(self, trial: Trial) -> None:
        """Take note of a trial that is under way: a replayed one, or one that the user asked for.

        Its configuration may lie outside the space, or lack parameters (the source's own values may).
        """
        self._record(trial)

    def tell(self, trial: Trial, value: float | None) -> None:
        """Learn the result of a trial; None says that it has none (`trial.failure` says why).

        A trial is told once; of two results the first counts. A trial that was never asked for is
        learnt from all the same, and so is what a stopped one reported on its way
        (`trial.intermediate`). A value that is no finite number counts as a failure. A trial whose
        state is not yet final gets the state and the value that this result means.
        """
        if not isinstance(trial, Trial):
            raise TunerError(f"{trial!r} is no trial", help="tell what ask returned, or a hpo.trial.Trial")
        if trial.number in self.results:
            return
        value = _finite(value)
        self._record(trial)
        del self._under_way[trial.number]
        self.results[trial.number] = value
        if not trial.state.is_final:
            trial.state = TrialState.FAILED if value is None else TrialState.SUCCEEDED
            trial.value = value
        self.observe(trial, value)

    def _record(self, trial: Trial) -> None:
        self._identities.add(_identity(trial.parameters))
        self.trials[trial.number] = trial
        if trial.number not in self.results:
            self._under_way[trial.number] = trial
        self._next_number = max(self._next_number, trial.number + 1)

    @property
    def next_number(self) -> int:
        """The number of the trial that comes next."""
        return self._next_number

    # -- what an algorithm writes

    def end(self, *, failed: bool) -> None:  # noqa: B027 - few have something to close
        """Learn that the experiment ends for now; `failed` says that a class of the user's failed."""

    @abstractmethod
    def suggest(self, number: int) -> Trial | None:
        """Propose trial `number`; draw from `self.rng(number)` or `self.generator(number)` only."""

    def observe(self, trial: Trial, value: float | None) -> None:  # noqa: B027 - not all learn
        """Learn from a result. Cheap: replay calls it for every trial before the first proposal."""

    @classmethod
    def check_space(cls, space: SearchSpace) -> None:
        """Refuse, when an experiment begins, a space that this algorithm cannot search.

        Raises:
            TunerError: it says why, and which tuners can.
        """
        if not len(space):
            raise TunerError(
                "the search space is empty: there is nothing to tune",
                help="mark at least one value, or give a space with at least one parameter",
            )

    def explain(self) -> Mapping[str, Any]:
        """Return what `hpo show` tells of the tuner's present model, as JSON."""
        return {}

    # -- what an algorithm may use

    def rng(self, number: int) -> random.Random:
        """Return the generator of a trial's proposal, of the standard library."""
        return random.Random(f"{self.seed} {number}")  # noqa: S311 - no secret depends on it

    def generator(self, number: int) -> np.random.Generator:
        """Return the generator of a trial's proposal, of numpy."""
        import numpy as np

        return np.random.default_rng(self.rng(number).getrandbits(128))

    def loss(self, value: float) -> float:
        """Return a result so that smaller is better."""
        return -value if self.direction == "maximize" else value

    @property
    def running(self) -> list[Trial]:
        """The trials that were proposed or added and have no result yet, by number."""
        return self.latest_running(None)

    def latest_running(self, most: int | None) -> list[Trial]:
        """Return at most so many of the running trials, those with the highest numbers, by number."""
        numbers = sorted(self._under_way)
        return [self._under_way[number] for number in (numbers if most is None else numbers[-most:])]

    def blames(self, trial: Trial) -> bool:
        """Tell whether a trial without a result speaks against its configuration.

        One that crashed, ran out of memory or time, or was stopped for being worse than its peers
        does; one that was cancelled or lost with its machine does not.
        """
        failed = trial.state is TrialState.FAILED and trial.failure not in _BLAMELESS
        return failed or trial.state is TrialState.EARLY_STOPPED

    def continued(self, number: int, earlier: int, budget: int, **memo: Any) -> Trial:
        """Return a trial that goes on from the checkpoint of an earlier one, with its configuration.

        Args:
            number: of the new trial.
            earlier: the number of a trial that has ended.
            budget: the passes of both together.
            **memo: what else is to be remembered.
        """
        remembered = {"budget": budget, "continues": earlier, **memo}
        return Trial(number, dict(self.trials[earlier].parameters), memo=remembered)

    def is_new(self, configuration: Mapping[str, Any]) -> bool:
        """Tell whether no trial has had this configuration."""
        return _identity(configuration) not in self._identities

    def unseen(self, draw: Callable[[], Configuration], *, draws: int = 16) -> Configuration:
        """Return the first draw that no trial has had.

        Where draws keep repeating, they are concentrated or the space is small: then the space is
        sampled, and a finite one is walked to its first new configuration. A repetition comes only
        when there is none.
        """
        rng = self.rng(-1 - self._next_number)
        for attempt in range(draws + 16):
            drawn = self.space.feasible(draw()) if attempt < draws else self.space.sample(rng)
            if self.is_new(drawn):
                return drawn
        if self.space.size() is None:
            return drawn
        # It stops at the first new one: no more steps than there are trials, plus one.
        return next((c for c in self.space.configurations() if self.is_new(c)), drawn)


def _identity(configuration: Mapping[str, Any]) -> str:
    try:
        return identity(configuration)
    except TypeError as error:  # numpy's numbers, mostly
        raise TunerError(
            f"the parameters {configuration} are no JSON: {error}",
            help="give numbers of Python's: int(value), float(value) or value.item()",
        ) from None


def _finite(value: float | None) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)
    except OverflowError:  # an integer of more than 308 digits
        return None
    except (TypeError, ValueError):
        raise TunerError(
            f"a result is {value!r}, which is no number", help="tell a number, or None for a failure"
        ) from None
    return number if math.isfinite(number) else None
