"""The optimisers under one interface: `ask` gives a key and a configuration, `tell` takes its loss.

Peers are imported where they are used; each is given the space with its conditions, as far as it can
take them: Optuna by running the definition, hyperopt as a tree of choices, SMAC as conditions.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from hpo import tuners
from hpo.parameters import Choice, LogUniform, Parameter, QLogUniform, QUniform, RandInt, identity
from hpo.space import SearchSpace

Config = dict[str, Any]


class Optimiser(Protocol):
    """What proposes configurations, and learns their losses."""

    def ask(self) -> tuple[Any, Config]: ...
    def tell(self, key: Any, loss: float) -> None: ...


class Ours:
    """A tuner of ours."""

    def __init__(self, name: str, space: SearchSpace, seed: int, **arguments: Any) -> None:
        self.tuner = tuners.create(name, space, direction="minimize", seed=seed, **arguments)

    def ask(self) -> tuple[Any, Config]:
        trial = self.tuner.ask()
        assert trial is not None
        return trial, trial.parameters

    def tell(self, key: Any, loss: float) -> None:
        self.tuner.tell(key, loss)


class Optuna:
    """A sampler of Optuna's, with its own defaults; conditions are those of a definition by run."""

    def __init__(self, kind: str, space: SearchSpace, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.simplefilter("ignore")
        samplers: dict[str, Callable[[], Any]] = {
            "tpe": lambda: optuna.samplers.TPESampler(seed=seed),
            "tpe-group": lambda: optuna.samplers.TPESampler(seed=seed, group=True),
            "gp": lambda: optuna.samplers.GPSampler(seed=seed),
            "cmaes": lambda: optuna.samplers.CmaEsSampler(seed=seed),
        }
        self.space, self.study = space, optuna.create_study(sampler=samplers[kind]())

    def ask(self) -> tuple[Any, Config]:
        trial = self.study.ask()
        config: Config = {}
        for name in self.space.order:
            if self.space.is_active(name, config):
                config[name] = self._suggest(trial, name, self.space[name])
        return trial, config

    @staticmethod
    def _suggest(trial: Any, name: str, p: Parameter) -> Any:
        if isinstance(p, Choice):
            return trial.suggest_categorical(name, p.options)
        if isinstance(p, RandInt):
            return trial.suggest_int(name, p.low, p.high - 1)
        if isinstance(p, QLogUniform):
            return trial.suggest_int(name, int(p.low), int(p.high), log=True)
        if isinstance(p, QUniform):
            return trial.suggest_float(name, p.low, p.high, step=p.q)
        return trial.suggest_float(name, p.low, p.high, log=isinstance(p, LogUniform))  # type: ignore[attr-defined]

    def tell(self, key: Any, loss: float) -> None:
        self.study.tell(key, loss)


class Hyperopt:
    """An algorithm of hyperopt's; conditions are its nested choices."""

    def __init__(self, kind: str, space: SearchSpace, seed: int) -> None:
        from hyperopt import Trials, anneal, tpe
        from hyperopt.base import Domain

        logging.getLogger("hyperopt").setLevel(logging.ERROR)
        self.space = space
        self.suggest = {"tpe": tpe.suggest, "anneal": anneal.suggest}[kind]
        self.trials = Trials()
        self.seeds = np.random.default_rng(seed)
        self.nodes: dict[str, Any] = {}
        roots = [n for n in space.order if n not in space.conditions]
        self.domain = Domain(lambda c: c, {n: self._node(n) for n in roots}, pass_expr_memo_ctrl=False)

    def _node(self, name: str) -> Any:
        from hyperopt import hp

        if name in self.nodes:
            return self.nodes[name]
        p = self.space[name]
        children = [
            (child, conditions[0])
            for child, conditions in self.space.conditions.items()
            if conditions[0].parent == name
        ]
        if isinstance(p, Choice) or children:
            options = []
            for value in p.values() or ():
                wanted = {
                    child: self._node(child)
                    for child, c in children
                    if identity(value) in {identity(v) for v in c.values}
                }
                options.append({"value": value, **wanted})
            node = hp.choice(name, options)
        elif isinstance(p, RandInt):
            node = hp.uniformint(name, p.low, p.high - 1)
        elif isinstance(p, QLogUniform):
            node = hp.qloguniform(name, np.log(p.low), np.log(p.high), p.q)
        elif isinstance(p, QUniform):
            node = hp.quniform(name, p.low, p.high, p.q)
        elif isinstance(p, LogUniform):
            node = hp.loguniform(name, np.log(p.low), np.log(p.high))
        else:
            node = hp.uniform(name, p.low, p.high)  # type: ignore[attr-defined]
        self.nodes[name] = node
        return node

    def ask(self) -> tuple[Any, Config]:
        from hyperopt import space_eval
        from hyperopt.base import JOB_STATE_RUNNING

        ids = self.trials.new_trial_ids(1)
        self.trials.refresh()
        (document,) = self.suggest(ids, self.domain, self.trials, int(self.seeds.integers(2**31 - 1)))
        document["state"] = JOB_STATE_RUNNING
        self.trials.insert_trial_docs([document])
        self.trials.refresh()
        values = {k: v[0] for k, v in document["misc"]["vals"].items() if v}
        config: Config = {}
        roots = {n: self.nodes[n] for n in self.space.order if n not in self.space.conditions}
        self._flatten(space_eval(roots, values), config)
        plain = {n: _plain(v, self.space[n]) for n, v in config.items()}
        return document["tid"], self.space.active_part(plain)

    def _flatten(self, tree: dict[str, Any], into: Config) -> None:
        for name, value in tree.items():
            if isinstance(value, dict) and "value" in value:
                into[name] = value["value"]
                self._flatten({k: v for k, v in value.items() if k != "value"}, into)
            else:
                into[name] = value

    def tell(self, key: Any, loss: float) -> None:
        from hyperopt.base import JOB_STATE_DONE

        for document in self.trials._dynamic_trials:
            if document["tid"] == key:
                document["state"], document["result"] = JOB_STATE_DONE, {"loss": loss, "status": "ok"}
        self.trials.refresh()


def _plain(value: Any, p: Parameter) -> Any:
    if isinstance(p, Choice):
        return value
    return int(value) if isinstance(p, RandInt) else p.from_unit(p.to_unit(float(value)))


class Smac:
    """SMAC3's facade for hyperparameters; it is told how many trials there will be, as its design needs."""

    def __init__(self, space: SearchSpace, seed: int, trials: int) -> None:
        import tempfile

        import ConfigSpace
        from smac import HyperparameterOptimizationFacade, Scenario

        self.space = space
        self.keys: dict[str, list[Any]] = {}
        built = ConfigSpace.ConfigurationSpace(seed=seed)
        nodes = {name: self._node(ConfigSpace, name, space[name]) for name in space.order}
        built.add(*nodes.values())
        for name, conditions in space.conditions.items():
            parts = [
                ConfigSpace.InCondition(
                    nodes[name], nodes[c.parent], [self._key(c.parent, v) for v in c.values]
                )
                for c in conditions
            ]
            built.add(parts[0] if len(parts) == 1 else ConfigSpace.AndConjunction(*parts))
        scenario = Scenario(
            built, deterministic=True, n_trials=trials + 1, seed=seed, output_directory=tempfile.mkdtemp()
        )
        self.smac = HyperparameterOptimizationFacade(
            scenario, lambda c, seed=0: 0.0, overwrite=True, logging_level=logging.ERROR
        )

    def _key(self, name: str, value: Any) -> Any:
        p = self.space[name]
        return p.index(value) if isinstance(p, Choice) else value

    def _node(self, cs: Any, name: str, p: Parameter) -> Any:
        if isinstance(p, Choice):
            return cs.CategoricalHyperparameter(name, list(range(len(p.options))))
        if isinstance(p, RandInt):
            return cs.UniformIntegerHyperparameter(name, p.low, p.high - 1)
        if isinstance(p, QLogUniform):
            return cs.UniformIntegerHyperparameter(name, int(p.low), int(p.high), log=True)
        log = isinstance(p, LogUniform)
        return cs.UniformFloatHyperparameter(name, p.low, p.high, log=log)  # type: ignore[attr-defined]

    def ask(self) -> tuple[Any, Config]:
        info = self.smac.ask()
        values = dict(info.config)
        config: Config = {}
        for name in self.space.order:
            if name in values:
                p = self.space[name]
                if isinstance(p, Choice):
                    config[name] = p.options[int(values[name])]
                elif isinstance(p, RandInt | QLogUniform):
                    config[name] = int(values[name])
                else:
                    config[name] = p.from_unit(p.to_unit(float(values[name])))
        return info, config

    def tell(self, key: Any, loss: float) -> None:
        from smac.runhistory.dataclasses import TrialValue

        self.smac.tell(key, TrialValue(cost=loss))


def create(name: str, space: SearchSpace, seed: int, trials: int) -> Optimiser:
    """Return an optimiser by its name in the table: `hpo-TPE`, `optuna-gp`, `hyperopt-tpe`, `smac`."""
    package, _, kind = name.partition("-")
    if package == "hpo":
        return Ours(kind, space, seed)
    if package == "optuna":
        return Optuna(kind, space, seed)
    if package == "hyperopt":
        return Hyperopt(kind, space, seed)
    return Smac(space, seed, trials)
