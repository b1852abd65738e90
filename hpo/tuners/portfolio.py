"""Searches that take turns, because each is blind where another sees: what `Auto` does after its startup.

- *everywhere*: the expected improvement of a Gaussian process over the whole space.
- *near*: the same within reach of the best trial, after D. Eriksson et al., "Scalable Global Optimization
  via Local Bayesian Optimization", NeurIPS 2019: it wastes no trials along the edges of many parameters.
- *elsewhere*: the same over results on their own scale, where only a substantial improvement counts (the
  margin of J. Mockus, "Application of Bayesian approach to numerical methods of global and stochastic
  optimization", 1994). The others see differences near the best trial enlarged, and would refine it for
  ever; this one asks which other branch or basin may be much better. Every other time it takes up the option
  of a choice that was tried too seldom.
- *Parzen*: the tree-structured Parzen estimator, which assumes no smoothness. It takes the turns of the
  others where there is no time for them.

Where trials fail, their neighbourhood is avoided. `benchmarks/quality` measures the whole and the parts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.space import Configuration, SearchSpace
from hpo.trial import Trial
from hpo.tuners.acquisition import Box, ExpectedImprovement, climb, maximise
from hpo.tuners.base import Tuner
from hpo.tuners.feasibility import Feasibility
from hpo.tuners.gaussian import Features, GaussianProcess, Hyperparameters, fit
from hpo.tuners.one_thread import one_thread
from hpo.tuners.options import Option, neglected
from hpo.tuners.outcomes import softened, targets
from hpo.tuners.points import Cube, Floats, History, Mask
from hpo.tuners.tpe import AWAITED, ParzenSearch, TPEArguments

__all__ = ["Portfolio"]

_TURNS = ("everywhere", "near", "elsewhere", "Parzen")

# A Gaussian process costs the cube of its points: so many are modelled, and so many fit its parameters.
_MODELLED = 200
_FITTED = 100
_BELIEVED = 100  # the latest of the trials under way

# How far the search near the best trial reaches, where each domain is 1 wide.
_REACH = 0.2

# What counts as substantial elsewhere: this share of the way from the median of the startup to the best.
_SUBSTANTIAL = 0.05

# Of n trials each of k options is to have this times sqrt(n) / k.
_SHARE = 2.0


class Portfolio:
    """Propose by turns.

    Args:
        space: what to search.
        startup: how many of the results come from all over the space.
    """

    def __init__(self, space: SearchSpace, startup: int) -> None:
        self._cube = Cube(space)
        self._choices = np.flatnonzero(~self._cube.ordered & ~self._cube.toggles).tolist()
        self._features = Features(self._cube)
        self._history = History(self._cube)
        self._startup = startup
        self._parzen = ParzenSearch(self._cube, TPEArguments())
        self._fine = Surrogate(self._features, targets, _best_and_latest)
        self._coarse = Surrogate(self._features, self._softened, _best_and_spread)
        self._feasible: tuple[int, Hyperparameters] | None = None

    def observe(self, tuner: Tuner, trial: Trial) -> None:
        """Learn from a trial that was told."""
        self._history.observe(tuner, trial, tuner.results[trial.number])

    @one_thread
    def turn(self, tuner: Tuner, number: int) -> tuple[str, Callable[[], Configuration]]:
        """Return whose turn it is, and what draws its proposals, the best first."""
        generator = tuner.generator(number)
        waiting = self._history.under_way(tuner, AWAITED)
        turn = "Parzen" if tuner.hurried else _TURNS[number % len(_TURNS)]
        rows: Iterator[Floats]
        if turn == "Parzen":
            rows = self._parzen.candidates(generator, self._history, waiting, hurried=tuner.hurried)
        else:
            # Every other time only: what is missed elsewhere need not be an option.
            asks = turn == "elsewhere" and number // len(_TURNS) % 2
            option = neglected(self._history, waiting, self._choices, _SHARE) if asks else None
            rows = iter(self._improvements(turn, option, generator, waiting[-_BELIEVED:]))
        return turn, lambda: self._cube.configuration(next(rows))

    def _improvements(
        self,
        turn: str,
        option: Option | None,
        generator: np.random.Generator,
        waiting: Floats,
    ) -> Floats:
        """Return full rows, of one option if any, by expected improvement and probability of success."""
        surrogate = self._coarse if turn == "elsewhere" else self._fine
        rows, values, process = surrogate.process(self._history, waiting)
        # Half-way between mean and result: the least result may be luck, and to the mean all that is better
        # than a plateau is luck, where the results beside it are bad.
        believed = (process.mean(self._features.of(rows)) + values) / 2
        order = np.argsort(believed, kind="stable")
        box, margin = Box.whole(self._cube), 0.0
        if turn == "near":
            box = Box.around(self._cube, rows[order[0]], _REACH)
        elif option is not None:  # it is measured by its own best
            box = box.fixed(option.column, option.quantile)
            order = np.concatenate([order[option.held_by(self._cube, rows[order])], order])
        elif turn == "elsewhere":
            margin = _SUBSTANTIAL * float(np.ptp(values))
        improvement = ExpectedImprovement(self._features, process, float(believed[order[0]]) - margin)
        seeds = np.where(np.isnan(rows[order[:8]]), 0.5, rows[order[:8]])
        feasibility = self._feasibility()

        def score(rows: Floats, active: Mask) -> Floats:
            gain = improvement(rows, active)
            if option is not None:
                gain = np.where(active[:, option.column], gain, -1e9)  # nor where there is no such option
            return gain if feasibility is None else gain + feasibility(rows, active)

        found = maximise(score, self._cube, generator, seeds=seeds, box=box)
        first = np.vstack([climb(improvement, self._cube, found[:3], box), found[:3]])
        ranked = np.argsort(-score(first, self._cube.active(first)), kind="stable")
        proposals: Floats = np.vstack([first[ranked], found[3:]])
        return proposals

    def _softened(self, losses: Floats) -> Floats:
        known = self._history.losses[np.isfinite(self._history.losses)]
        return softened(losses, known[: self._startup])

    def _feasibility(self) -> Feasibility | None:
        """Return how likely configurations are to succeed, or None while all did."""
        succeeded, prefix = np.isfinite(self._history.losses), _prefix(len(self._history))
        if succeeded[:prefix].all():
            return None
        known = self._feasible[1] if self._feasible is not None and self._feasible[0] == prefix else None
        model = Feasibility(self._features, self._history.rows, succeeded, prefix, known)
        self._feasible = prefix, model.hyperparameters
        return model

    @one_thread
    def explain(self, tuner: Tuner) -> Mapping[str, Any]:
        """Return the models, what they learnt, and what each search has found."""
        fitted = self._fine.hyperparameters(self._history)
        scales = np.exp(-0.5 * fitted.weights)
        best, found = np.inf, Counter[str]()
        for number, value in tuner.results.items():
            if value is not None and tuner.loss(value) < best:
                best = tuner.loss(value)
                found[tuner.trials[number].memo.get("search", "startup")] += 1
        return {
            "model": "Gaussian processes and a Parzen estimator, by turns",
            "why": "each finds what another misses",
            **self._history.counts,
            "length_scales": {n: round(float(scales[at].min()), 3) for n, at in self._cube.slices.items()},
            "bests_found": {name: found[name] for name in ("startup", *_TURNS)},
            "noise": round(float(np.exp(0.5 * fitted.noise)), 4),
        }


class Surrogate:
    """A Gaussian process of some of the results, seen in some way.

    Args:
        features: of the space.
        seen: turns losses into targets.
        chosen: the positions of at most so many finite losses, where there are more.
    """

    def __init__(
        self,
        features: Features,
        seen: Callable[[Floats], Floats],
        chosen: Callable[[Floats, int], NDArray[np.intp]],
    ) -> None:
        self._features, self._seen, self._chosen = features, seen, chosen
        self._fitted: tuple[int, Hyperparameters] | None = None

    def process(self, history: History, waiting: Floats) -> tuple[Floats, Floats, GaussianProcess]:
        """Return the rows and targets that are modelled, and the posterior, given what is under way."""
        kept = self._chosen(history.losses, _MODELLED)
        rows, values = history.rows[kept], self._seen(history.losses[kept])
        points, fitted = self._features.of(rows), self.hyperparameters(history)
        process = GaussianProcess(points, self._features, values, fitted)
        if len(waiting):
            # Trials under way are believed to result in what is expected of them: no proposal for
            # the same place twice (D. Ginsbourger et al., "Kriging Is Well-Suited ...", 2010).
            added = self._features.of(waiting)
            believed = np.concatenate([values, process.mean(added)])
            process = GaussianProcess(np.vstack([points, added]), self._features, believed, fitted)
        return rows, values, process

    def hyperparameters(self, history: History) -> Hyperparameters:
        """Return those fitted to the results so far, or to nearly as many."""
        prefix = _prefix(len(history))
        if self._fitted is None or self._fitted[0] != prefix:
            kept = self._chosen(history.losses[:prefix], _FITTED)
            values = self._seen(history.losses[kept])
            self._fitted = prefix, fit(self._features.of(history.rows[kept]), self._features, values)
        return self._fitted[1]


def _prefix(n: int) -> int:
    """Return how many of n results hyperparameters are fitted to: it grows in steps.

    It depends on their number alone, so a resumed experiment arrives at the same hyperparameters.
    """
    return n - n % max(n // 15, 1)


def _best_and_latest(losses: Floats, count: int) -> NDArray[np.intp]:
    """Return the positions of at most `count` finite losses: half of them the best, the rest the latest."""
    return _some(losses, count, count // 2, lambda others, wanted: others[-wanted:])


def _best_and_spread(losses: Floats, count: int) -> NDArray[np.intp]:
    """Return the positions of at most `count` finite losses: some of them the best, the rest of any age."""
    return _some(
        losses,
        count,
        count // 4,
        lambda others, wanted: others[np.linspace(0, len(others) - 1, wanted).astype(np.intp)],
    )


def _some(
    losses: Floats,
    count: int,
    best: int,
    rest: Callable[[NDArray[np.intp], int], NDArray[np.intp]],
) -> NDArray[np.intp]:
    finite = np.flatnonzero(np.isfinite(losses))
    if len(finite) <= count:
        return finite
    values = losses[finite]
    worst = np.partition(values, best - 1)[best - 1]  # of the best; sorting ten thousand takes a millisecond
    is_kept = values < worst
    is_kept[np.flatnonzero(values == worst)[: best - int(is_kept.sum())]] = True
    is_kept[rest(np.flatnonzero(~is_kept), count - best)] = True
    kept: NDArray[np.intp] = finite[is_kept]
    return kept
