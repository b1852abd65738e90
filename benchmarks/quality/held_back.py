"""Tasks that were written after `Auto` and `TPE` had their constants, and that nothing was developed on.

The families are those of `tasks.py`, and the tasks are others. What recurs are Rosenbrock's function and an
ellipsoid, in other dimensions; nearest neighbours, there an option of a choice; and the spaces of the
surrogates, with other data sets.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tasks import (
    Config,
    Loss,
    Task,
    box,
    choice,
    fit,
    integer,
    log,
    rosenbrock,
    shifted,
    surrogates,
    uniform,
    unshifted,
)

# ---------------------------------------------------------------------------------------------------
# Test functions on [-1, 1]^d, with their least value 0 at 0.


def styblinski_tang(z: np.ndarray) -> float:
    x = 5 * z - 2.9035340276896057
    return float(np.sum(x**4 - 16 * x**2 + 5 * x) / 2 + 39.16616570377142 * len(x))


def dixon_price(z: np.ndarray) -> float:
    i = np.arange(1, len(z) + 1)
    x = 3 * z + 2 ** -((2.0**i - 2) / 2.0**i)
    return float((x[0] - 1) ** 2 + np.sum(i[1:] * (2 * x[1:] ** 2 - x[:-1]) ** 2))


def zakharov(z: np.ndarray) -> float:
    x = 5 * z
    linear = np.sum(np.arange(1, len(x) + 1) * x) / 2
    return float(np.sum(x**2) + linear**2 + linear**4)


def alpine(z: np.ndarray) -> float:
    x = 10 * z
    return float(np.sum(np.abs(x * np.sin(x) + 0.1 * x)))


def different_powers(z: np.ndarray) -> float:
    return float(np.sum(np.abs(z) ** (2 + 4 * np.arange(len(z)) / (len(z) - 1))))


def discus(z: np.ndarray) -> float:
    return float(1e4 * z[0] ** 2 + np.sum(z[1:] ** 2))


def steps(z: np.ndarray) -> float:
    return float(np.sum(np.round(5 * z) ** 2))


def ellipsoid(z: np.ndarray) -> float:
    return float(np.sum(100 ** (np.arange(len(z)) / (len(z) - 1)) * z**2))


# These have an own domain, the unit cube of which is searched, and are the same for each seed.


def branin(u: np.ndarray) -> float:
    x, y = 15 * u[0] - 5, 15 * u[1]
    curve = (y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6) ** 2
    return float(curve + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10 - 0.39788735772973816)


def michalewicz(u: np.ndarray) -> float:
    x = math.pi * u
    waves = np.sin(x) * np.sin(np.arange(1, len(x) + 1) * x**2 / math.pi) ** 20
    return float(4.687658179 - np.sum(waves))  # the least value in five dimensions


_CENTRES = np.array(
    [
        *([4, 4, 4, 4], [1, 1, 1, 1], [8, 8, 8, 8], [6, 6, 6, 6], [3, 7, 3, 7]),
        *([2, 9, 2, 9], [5, 5, 3, 3], [8, 1, 8, 1], [6, 2, 6, 2], [7, 3.6, 7, 3.6]),
    ]
)
_WIDTHS = np.array([1, 2, 2, 4, 4, 6, 3, 7, 5, 5]) / 10


def shekel(u: np.ndarray) -> float:
    depth = 1 / (np.sum((10 * u - _CENTRES) ** 2, axis=1) + _WIDTHS)
    return 10.536409816692 - float(np.sum(depth))


def functions() -> Iterator[Task]:
    table: list[tuple[str, Callable[[np.ndarray], float], int, bool, float]] = [
        ("styblinski-tang-6", styblinski_tang, 6, False, 0),
        ("dixon-price-5", dixon_price, 5, False, 0),
        ("zakharov-6-rotated", zakharov, 6, True, 0),
        ("alpine-6", alpine, 6, False, 0),
        ("different-powers-5-rotated", different_powers, 5, True, 0),
        ("discus-5-rotated", discus, 5, True, 0),
        ("steps-5", steps, 5, False, 0),
        ("ellipsoid-20", ellipsoid, 20, False, 0),
        ("noisy-rosenbrock-4", rosenbrock, 4, False, 20),
    ]
    for name, function, d, rotate, noise in table:
        yield Task(name, "functions", box(d), partial(shifted, function, d, rotate), 0.0, noise)
    for name, function, d in (
        ("branin-2", branin, 2),
        ("michalewicz-5", michalewicz, 5),
        ("shekel-4", shekel, 4),
    ):
        yield Task(name, "functions", box(d, 0, 1), partial(unshifted, function, d), 0.0)


# ---------------------------------------------------------------------------------------------------
# Conditional and mixed spaces

_SCHEDULE = {
    "lr": log(1e-5, 1),
    "schedule": choice("constant", "step", "cosine"),
    "step_every": integer(1, 51, schedule=["step"]),
    "step_by": log(0.01, 1, schedule=["step"]),
    "restarts": choice(True, False, schedule=["cosine"]),
    "period": integer(1, 51, restarts=[True]),
    "warmup": choice(True, False),
    "warmup_epochs": integer(1, 21, warmup=[True]),
    "weight_decay": log(1e-8, 1e-1),
}


def _schedule(seed: int) -> Loss:
    """Return a loss of a training with a schedule: conditions two deep, and a rate that depends on them."""
    g = np.random.default_rng(seed)
    base = dict(zip(("constant", "step", "cosine"), g.permutation([0.0, 0.1, 0.3]), strict=True))
    rate = {name: g.uniform(-4, -1) for name in base}
    every, by, period, epochs = g.integers(5, 45), g.uniform(-1.7, -0.3), g.integers(5, 45), g.integers(2, 18)
    decay, warmup = g.uniform(-7, -2), g.choice([True, False])

    def loss(c: Config) -> float:
        wanted = rate[c["schedule"]] + (0.5 if c["warmup"] else 0.0)
        value = base[c["schedule"]] + 0.3 * (math.log10(c["lr"]) - wanted) ** 2
        value += 0.02 * (math.log10(c["weight_decay"]) - decay) ** 2
        if c["schedule"] == "step":
            value += ((c["step_every"] - every) / 40) ** 2 + 0.2 * (math.log10(c["step_by"]) - by) ** 2
        if c["schedule"] == "cosine":
            value += ((c["period"] - period) / 40) ** 2 if c["restarts"] else 0.1
        if c["warmup"]:
            value += ((c["warmup_epochs"] - epochs) / 15) ** 2
        return float(value + 0.1 * (c["warmup"] != warmup))

    return loss


_CELL = {f"edge{i}": choice("none", "skip", "conv1", "conv3", "pool") for i in range(6)}


def _cell(seed: int) -> Loss:
    """Return a loss of choices alone, of which each pair of neighbours has an effect of its own."""
    g = np.random.default_rng(seed)
    own, pairs = g.random((6, 5)), g.random((6, 5, 5))
    names = ("none", "skip", "conv1", "conv3", "pool")
    grid = np.indices((5,) * 6)
    totals = sum(own[i, grid[i]] + pairs[i, grid[i], grid[(i + 1) % 6]] for i in range(6))

    def loss(c: Config) -> float:
        edges = [names.index(c[f"edge{i}"]) for i in range(6)]
        return float(totals[tuple(edges)] - totals.min())

    return loss


_STEPS = {
    **{f"use{i}": choice(True, False) for i in range(5)},
    **{f"amount{i}": uniform(0, 1, **{f"use{i}": [True]}) for i in range(5)},
    "strength": log(1e-3, 1e3),
}


def _optional_steps(seed: int) -> Loss:
    """Return a loss of five steps that can be left out, such as augmentations: three of them help."""
    g = np.random.default_rng(seed)
    effect, best = g.permutation([-0.3, -0.2, -0.1, 0.05, 0.2]), g.uniform(0.1, 0.9, 5)
    strength = g.uniform(-2, 2)

    def loss(c: Config) -> float:
        value = 0.6 + 0.1 * (math.log10(c["strength"]) - strength) ** 2
        used = [i for i in range(5) if c[f"use{i}"]]
        return float(value + sum(effect[i] + 1.5 * (c[f"amount{i}"] - best[i]) ** 2 for i in used))

    return loss


_SHARED = {
    "kind": choice("linear", "trees", "network", "nearest"),
    "rate": log(1e-4, 1, kind=["trees", "network"]),
    "size": integer(1, 65, kind=["trees", "network", "nearest"]),
    "penalty": log(1e-6, 1e2, kind=["linear", "network"]),
    "depth": integer(1, 13, kind=["trees"]),
    "subset": uniform(0.1, 1),
}


def _shared(seed: int) -> Loss:
    """Return a loss whose parameters belong to several options each, and want something else in each."""
    g = np.random.default_rng(seed)
    kinds = ("linear", "trees", "network", "nearest")
    floor = dict(zip(kinds, g.permutation([0.0, 0.05, 0.2, 0.5]), strict=True))
    wants = {k: g.uniform(0.15, 0.85, 5) for k in kinds}

    def loss(c: Config) -> float:
        at = {"rate": 1 + math.log10(c.get("rate", 1)) / 4, "size": c.get("size", 1) / 64}
        at |= {"penalty": (math.log10(c.get("penalty", 1)) + 6) / 8, "depth": c.get("depth", 1) / 12}
        at["subset"] = c["subset"]
        off = [(at[n] - w) ** 2 for n, w in zip(at, wants[c["kind"]], strict=True) if n in c]
        return float(floor[c["kind"]] + sum(off))

    return loss


_IRRELEVANT = {
    "algorithm": choice(*(f"a{i}" for i in range(8))),
    **{f"value{i}": uniform(0, 1, algorithm=[f"a{i}"]) for i in range(8)},
    **{f"unused{i}": uniform(0, 1) for i in range(5)},
    "flag": choice(True, False),
}


def _irrelevant(seed: int) -> Loss:
    """Return a loss of one option of eight and its parameter; five others have next to no effect."""
    g = np.random.default_rng(seed)
    floor, best, slope = (
        g.permutation(np.linspace(0, 0.7, 8)),
        g.uniform(0.1, 0.9, 8),
        0.01 * g.normal(size=5),
    )
    low = -float(np.sum(np.abs(slope)))

    def loss(c: Config) -> float:
        i = int(c["algorithm"][1])
        small = slope @ (2 * np.array([c[f"unused{j}"] for j in range(5)]) - 1) - low
        return float(floor[i] + abs(c[f"value{i}"] - best[i]) + small + 0.02 * c["flag"])

    return loss


_COUNTS = {
    "batch": choice(8, 16, 32, 64, 128, 256),
    "depth": integer(1, 9),
    "heads": choice(1, 2, 4, 8),
    "width": {"_type": "qloguniform", "_value": [16, 2048, 16]},
    "dropout": {"_type": "quniform", "_value": [0, 0.8, 0.1]},
    "lr": log(1e-5, 1e-1),
    "norm": choice("pre", "post"),
}


def _counts(seed: int) -> Loss:
    """Return a loss of sizes, most of them in steps; the rate follows the batch, the dropout the width."""
    g = np.random.default_rng(seed)
    batch, depth, heads, width = g.integers(3, 9), g.integers(2, 8), g.integers(0, 4), g.uniform(6, 10)
    lr, better = g.uniform(-4, -2), g.choice(["pre", "post"])

    def loss(c: Config) -> float:
        size, b = math.log2(c["width"]), math.log2(c["batch"])
        value = 0.05 * (b - batch) ** 2 + 0.05 * (c["depth"] - depth) ** 2
        value += 0.1 * (math.log2(c["heads"]) - heads) ** 2 + 0.1 * (size - width) ** 2
        value += (c["dropout"] - min(0.8, max(0, (size - 5) / 8))) ** 2
        value += 0.5 * (math.log10(c["lr"]) - lr - 0.15 * (b - batch)) ** 2
        return float(value + 0.2 * (c["norm"] != better))

    return loss


def conditional() -> Iterator[Task]:
    yield Task("schedule", "conditional", _SCHEDULE, _schedule, 0.0)
    yield Task("cell", "conditional", _CELL, _cell, 0.0)
    yield Task("optional-steps", "conditional", _STEPS, _optional_steps, 0.0)
    yield Task("shared-parameters", "conditional", _SHARED, _shared, 0.0)
    yield Task("irrelevant", "conditional", _IRRELEVANT, _irrelevant, 0.0)
    yield Task("counts", "conditional", _COUNTS, _counts, 0.0)


# ---------------------------------------------------------------------------------------------------
# scikit-learn


def _logistic(c: Config) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(solver="saga", max_iter=60, random_state=0, **c)


def _random_forest(c: Config) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(n_estimators=15, random_state=0, **c)


def _regressor(c: Config) -> Any:
    from sklearn.kernel_ridge import KernelRidge
    from sklearn.linear_model import ElasticNet, HuberRegressor
    from sklearn.neighbors import KNeighborsRegressor

    own = {k.split("_", 1)[1]: v for k, v in c.items() if k != "model"}
    if c["model"] == "kernel":
        return KernelRidge(kernel="rbf", **own)
    return {"elastic": ElasticNet, "huber": HuberRegressor, "nearest": KNeighborsRegressor}[c["model"]](**own)


def _nearest(c: Config) -> Any:
    from sklearn.decomposition import PCA
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline

    own = {k: v for k, v in c.items() if k not in ("reduce", "components", "whiten")}
    nearest = KNeighborsClassifier(**own)
    if not c["reduce"]:
        return nearest
    return make_pipeline(PCA(c["components"], whiten=c["whiten"], random_state=0), nearest)


def _bounded(build: Callable[[Config], Any], data: str, seed: int) -> Loss:
    """Return the loss of a regression, and 2 where it diverged: predicting the mean has 1."""
    unbounded = fit(build, data, seed)

    def loss(config: Config) -> float:
        try:
            value = unbounded(config)
        except ValueError:  # weights that are no numbers
            return 2.0
        return min(value, 2.0) if math.isfinite(value) else 2.0

    return loss


def _network(c: Config) -> Any:
    from sklearn.neural_network import MLPRegressor

    own = {k: v for k, v in c.items() if k not in ("width", "depth")}
    widths = [int(c["width"])] * c["depth"]
    return MLPRegressor(hidden_layer_sizes=widths, max_iter=30, random_state=0, **own)


def _adaboost(c: Config) -> Any:
    from sklearn.ensemble import AdaBoostClassifier
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(max_depth=c["depth"], min_samples_leaf=c["leaf"], random_state=0)
    return AdaBoostClassifier(
        tree, n_estimators=c["n_estimators"], learning_rate=c["learning_rate"], random_state=0
    )


def _kernel_map(c: Config) -> Any:
    from sklearn.kernel_approximation import Nystroem
    from sklearn.linear_model import RidgeClassifier
    from sklearn.pipeline import make_pipeline

    own = {k: v for k, v in c.items() if k != "alpha"}
    return make_pipeline(Nystroem(random_state=0, **own), RidgeClassifier(alpha=c["alpha"]))


def _pipeline(c: Config) -> Any:
    from sklearn.decomposition import PCA
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.naive_bayes import GaussianNB
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, PowerTransformer, QuantileTransformer
    from sklearn.svm import LinearSVC

    scalers = {
        "none": [],
        "minmax": [MinMaxScaler()],
        "power": [PowerTransformer()],
        "quantile": [QuantileTransformer(n_quantiles=c.get("quantiles", 10), random_state=0)],
    }
    reducers = [PCA(c["components"], random_state=0)] if c["reduce"] else []
    if c["model"] == "bayes":
        model: Any = GaussianNB(var_smoothing=c["smoothing"])
    elif c["model"] == "lda":
        model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=c["shrinkage"])
    else:
        model = LinearSVC(C=c["C"], random_state=0, max_iter=300)
    return make_pipeline(*scalers[c["scaler"]], *reducers, model)


def scikit_learn() -> Iterator[Task]:
    logistic = {
        "C": log(1e-4, 1e4),
        "l1_ratio": uniform(0, 1),
        "class_weight": choice(None, "balanced"),
        "fit_intercept": choice(True, False),
        "tol": log(1e-5, 1e-1),
    }
    yield Task("logistic-wine", "scikit-learn", logistic, partial(fit, _logistic, "wine"))
    forest = {
        "criterion": choice("gini", "entropy", "log_loss"),
        "max_features": uniform(0.05, 1),
        "max_depth": integer(1, 20),
        "min_samples_leaf": integer(1, 20),
        "bootstrap": choice(True, False),
        "max_samples": uniform(0.1, 1, bootstrap=[True]),
    }
    yield Task("forest-cancer", "scikit-learn", forest, partial(fit, _random_forest, "breast_cancer"))
    regressors = {
        "model": choice("kernel", "elastic", "huber", "nearest"),
        "kernel_alpha": log(1e-4, 1e2, model=["kernel"]),
        "kernel_gamma": log(1e-5, 10, model=["kernel"]),
        "elastic_alpha": log(1e-4, 1e2, model=["elastic"]),
        "elastic_l1_ratio": uniform(0, 1, model=["elastic"]),
        "huber_epsilon": uniform(1, 3, model=["huber"]),
        "huber_alpha": log(1e-5, 1e3, model=["huber"]),
        "nearest_n_neighbors": integer(1, 60, model=["nearest"]),
        "nearest_weights": choice("uniform", "distance", model=["nearest"]),
    }
    yield Task("regressors-diabetes", "scikit-learn", regressors, partial(_bounded, _regressor, "diabetes"))
    nearest = {
        "n_neighbors": integer(1, 30),
        "weights": choice("uniform", "distance"),
        "p": choice(1, 2),
        "reduce": choice(True, False),
        "components": integer(2, 60, reduce=[True]),
        "whiten": choice(True, False, reduce=[True]),
    }
    yield Task("nearest-digits", "scikit-learn", nearest, partial(fit, _nearest, "digits"))
    network = {
        "width": log(2, 64),
        "depth": integer(1, 4),
        "activation": choice("relu", "tanh", "identity"),
        "solver": choice("adam", "sgd"),
        "momentum": uniform(0, 0.99, solver=["sgd"]),
        "alpha": log(1e-6, 1e2),
        "learning_rate_init": log(1e-4, 1),
        "batch_size": choice(16, 64, 256),
    }
    yield Task("network-diabetes", "scikit-learn", network, partial(_bounded, _network, "diabetes"))
    adaboost = {
        "n_estimators": integer(2, 25),
        "learning_rate": log(1e-3, 10),
        "depth": integer(1, 6),
        "leaf": integer(1, 40),
    }
    yield Task("adaboost-wine", "scikit-learn", adaboost, partial(fit, _adaboost, "wine"))
    kernel_map = {
        "kernel": choice("rbf", "poly", "laplacian"),
        "gamma": log(1e-5, 10),
        "degree": integer(2, 6, kernel=["poly"]),
        "coef0": uniform(-1, 3, kernel=["poly"]),
        "n_components": integer(5, 120),
        "alpha": log(1e-6, 1e3),
    }
    yield Task("kernel-map-cancer", "scikit-learn", kernel_map, partial(fit, _kernel_map, "breast_cancer"))
    pipeline = {
        "scaler": choice("none", "minmax", "power", "quantile"),
        "quantiles": integer(5, 200, scaler=["quantile"]),
        "reduce": choice(True, False),
        "components": integer(1, 12, reduce=[True]),
        "model": choice("bayes", "lda", "svm"),
        "smoothing": log(1e-12, 1, model=["bayes"]),
        "shrinkage": uniform(0, 1, model=["lda"]),
        "C": log(1e-4, 1e3, model=["svm"]),
    }
    yield Task("pipeline-wine", "scikit-learn", pipeline, partial(fit, _pipeline, "wine"))


# ---------------------------------------------------------------------------------------------------
# YAHPO Gym: data sets at equal distances in the sorted list, without those of `tasks.py`


_LCBENCH = ("126029", "167185", "168908", "189906")
_RPART = ("1063", "23381", "40900", "4135")


def held_back(data: Path | None) -> list[Task]:
    """Return every task; the surrogates where their folder is given."""
    found = [*functions(), *conditional(), *scikit_learn()]
    return found + (list(surrogates(data, _LCBENCH, _RPART)) if data else [])
