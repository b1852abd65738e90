"""The tasks: what is searched, and the loss of a configuration. Smaller is better everywhere.

Four families: test functions (shifted and rotated by the seed of the run, so that no optimiser profits
from an optimum in the middle or along an axis), conditional spaces, scikit-learn models on its bundled
data sets, and the surrogates of YAHPO Gym (Pfisterer et al. 2022), where their folder is given.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

Config = dict[str, Any]
Loss = Callable[[Config], float]


@dataclass(frozen=True)
class Task:
    """A search space in NNI's JSON, and a loss that depends on the seed of the run.

    `optimum` is the least loss where it is known; normal noise of the deviation `noise` is added to what
    an optimiser is told, and never to what it is judged by.
    """

    name: str
    family: str
    space: dict[str, Any]
    loss: Callable[[int], Loss]
    optimum: float | None = None
    noise: float = 0.0


# ---------------------------------------------------------------------------------------------------
# Test functions on [-1, 1]^d, with their least value 0 at 0.


def sphere(z: np.ndarray) -> float:
    return float(np.sum(z**2))


def ellipsoid(z: np.ndarray) -> float:
    return float(np.sum(10 ** (4 * np.arange(len(z)) / (len(z) - 1)) * z**2))


def rosenbrock(z: np.ndarray) -> float:
    x = 1 + 2 * z
    return float(np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))


def ackley(z: np.ndarray) -> float:
    x = 20 * z
    return float(
        20 + math.e - 20 * np.exp(-0.2 * np.sqrt(np.mean(x**2))) - np.exp(np.mean(np.cos(2 * np.pi * x)))
    )


def rastrigin(z: np.ndarray) -> float:
    x = 5.12 * z
    return float(10 * len(x) + np.sum(x**2 - 10 * np.cos(2 * np.pi * x)))


def griewank(z: np.ndarray) -> float:
    x = 100 * z
    return float(1 + np.sum(x**2) / 4000 - np.prod(np.cos(x / np.sqrt(np.arange(1, len(x) + 1)))))


def levy(z: np.ndarray) -> float:
    w = 1 + 10 * z / 4
    return float(
        np.sin(np.pi * w[0]) ** 2
        + np.sum((w[:-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:-1] + 1) ** 2))
        + (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2)
    )


def schwefel(z: np.ndarray) -> float:
    x = 420.968746 + 500 * z
    inside = np.clip(x, -500, 500)
    return float(
        418.9828872724339 * len(x)
        - np.sum(inside * np.sin(np.sqrt(np.abs(inside))))
        + np.sum((x - inside) ** 2)
    )


_A = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann6(x: np.ndarray) -> float:
    """On the unit cube; its least value is -3.32237."""
    return 3.322368011415515 - float(np.array([1, 1.2, 3, 3.2]) @ np.exp(-np.sum(_A * (x - _P) ** 2, axis=1)))


def shifted(function: Callable[[np.ndarray], float], d: int, rotate: bool, seed: int) -> Loss:
    generator = np.random.default_rng((d, seed))
    shift = generator.uniform(-0.7, 0.7, d)
    rotation = np.linalg.qr(generator.normal(size=(d, d)))[0] if rotate else np.eye(d)

    def loss(config: Config) -> float:
        x = np.array([config[f"x{i}"] for i in range(d)])
        return function(rotation @ (x - shift))

    return loss


def unshifted(function: Callable[[np.ndarray], float], d: int, seed: int) -> Loss:
    return lambda config: function(np.array([config[f"x{i}"] for i in range(d)]))


def box(d: int, low: float = -1.0, high: float = 1.0) -> dict[str, Any]:
    return {f"x{i}": {"_type": "uniform", "_value": [low, high]} for i in range(d)}


def functions() -> Iterator[Task]:
    table: list[tuple[str, Callable[[np.ndarray], float], int, bool, float]] = [
        ("sphere-4", sphere, 4, False, 0),
        ("ellipsoid-6-rotated", ellipsoid, 6, True, 0),
        ("rosenbrock-5", rosenbrock, 5, False, 0),
        ("ackley-10", ackley, 10, False, 0),
        ("rastrigin-4-rotated", rastrigin, 4, True, 0),
        ("griewank-5", griewank, 5, False, 0),
        ("levy-8", levy, 8, False, 0),
        ("schwefel-3", schwefel, 3, False, 0),
        ("noisy-sphere-6", sphere, 6, False, 0.3),
    ]
    for name, function, d, rotate, noise in table:
        yield Task(name, "functions", box(d), partial(shifted, function, d, rotate), 0.0, noise)
    hartmann = partial(unshifted, hartmann6, 6)
    yield Task("hartmann-6", "functions", box(6, 0, 1), hartmann, 0.0)
    yield Task("noisy-hartmann-6", "functions", box(6, 0, 1), hartmann, 0.0, 0.2)


# ---------------------------------------------------------------------------------------------------
# Conditional and mixed spaces


def uniform(low: float, high: float, **when: Any) -> dict[str, Any]:
    return {"_type": "uniform", "_value": [low, high], **({"_when": when} if when else {})}


def log(low: float, high: float, **when: Any) -> dict[str, Any]:
    return {"_type": "loguniform", "_value": [low, high], **({"_when": when} if when else {})}


def integer(low: int, high: int, **when: Any) -> dict[str, Any]:
    return {"_type": "randint", "_value": [low, high], **({"_when": when} if when else {})}


def choice(*options: Any, **when: Any) -> dict[str, Any]:
    return {"_type": "choice", "_value": list(options), **({"_when": when} if when else {})}


_NETWORK = {
    "optimizer": choice("sgd", "adam", "rmsprop"),
    "lr": log(1e-5, 1),
    "momentum": uniform(0, 1, optimizer=["sgd"]),
    "nesterov": choice(True, False, optimizer=["sgd"]),
    "beta": log(1e-3, 0.5, optimizer=["adam"]),
    "layers": integer(1, 5),
    **{f"width{i}": log(8, 1024, layers=list(range(i, 5))) for i in range(1, 5)},
}


def _network(seed: int) -> Loss:
    """Return a loss that behaves like a network's: each optimiser wants another learning rate, and so on."""
    g = np.random.default_rng(seed)
    wants = {o: g.uniform(-4, -1) for o in ("sgd", "adam", "rmsprop")}
    base = dict(zip(wants, g.permutation([0.0, 0.15, 0.4]), strict=True))
    momentum, beta, depth = g.uniform(0.3, 0.95), g.uniform(-2.5, -0.7), g.integers(2, 5)
    widths = g.uniform(4, 9, 5)

    def loss(c: Config) -> float:
        o = c["optimizer"]
        value = base[o] + 0.25 * (math.log10(c["lr"]) - wants[o]) ** 2
        if o == "sgd":
            value += (c["momentum"] - momentum) ** 2 + 0.05 * (not c["nesterov"])
        if o == "adam":
            value += 0.2 * (math.log10(c["beta"]) - beta) ** 2
        value += 0.1 * (c["layers"] - depth) ** 2
        return value + sum(0.04 * (math.log2(c[f"width{i}"]) - widths[i]) ** 2 for i in range(1, c["layers"]))

    return loss


_BRANCHES = {
    "branch": choice("a", "b", "c", "d"),
    **{f"{b}{i}": uniform(-1, 1, branch=[b]) for b in "abcd" for i in range(3)},
    "shared": uniform(-1, 1),
}


def _branches(seed: int) -> Loss:
    """Return a loss whose branches share one parameter; the best one is no better at its median."""
    g = np.random.default_rng(seed)
    centre = {b: g.uniform(-0.7, 0.7, 3) for b in "abcd"}
    floor = dict(zip("abcd", g.permutation([0.0, 0.3, 0.6, 0.9]), strict=True))
    steep = {b: 2.0 - floor[b] for b in "abcd"}
    shared = g.uniform(-0.7, 0.7)

    def loss(c: Config) -> float:
        b = c["branch"]
        x = np.array([c[f"{b}{i}"] for i in range(3)])
        return float(floor[b] + steep[b] * np.sum((x - centre[b]) ** 2) + 2 * (c["shared"] - shared) ** 2)

    return loss


_MIXED = {
    **{f"k{i}": choice(*"abcde") for i in range(3)},
    **{f"n{i}": integer(0, 20) for i in range(3)},
    **{f"u{i}": uniform(0, 1) for i in range(3)},
    "q": {"_type": "quniform", "_value": [0, 10, 0.5]},
}


def _mixed(seed: int) -> Loss:
    g = np.random.default_rng(seed)
    cost, n, u, q = g.random((3, 5)), g.integers(2, 18, 3), g.uniform(0.1, 0.9, (5, 3)), g.integers(2, 18) / 2
    cost -= cost.min(axis=1, keepdims=True)

    def loss(c: Config) -> float:
        kinds = ["abcde".index(c[f"k{i}"]) for i in range(3)]
        value = sum(cost[i, k] for i, k in enumerate(kinds))
        value += sum(((c[f"n{i}"] - n[i]) / 10) ** 2 for i in range(3)) + ((c["q"] - q) / 5) ** 2
        return float(value + np.sum((np.array([c[f"u{i}"] for i in range(3)]) - u[kinds[0]]) ** 2) * 3)

    return loss


def conditional() -> Iterator[Task]:
    yield Task("network", "conditional", _NETWORK, _network, 0.0)
    yield Task("branches", "conditional", _BRANCHES, _branches, 0.0)
    yield Task("mixed", "conditional", _MIXED, _mixed, 0.0)


# ---------------------------------------------------------------------------------------------------
# scikit-learn


@cache
def _data(name: str) -> tuple[Any, Any]:
    from sklearn import datasets
    from sklearn.preprocessing import StandardScaler

    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return StandardScaler().fit_transform(x), y


def fit(build: Callable[[Config], Any], data: str, seed: int) -> Loss:
    from sklearn.model_selection import cross_val_score

    def loss(config: Config) -> float:
        import warnings

        x, y = _data(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return 1 - float(cross_val_score(build(config), x, y, cv=3).mean())

    return loss


def _svc(c: Config) -> Any:
    from sklearn.svm import SVC

    return SVC(**c, max_iter=20_000)


def _forest(c: Config) -> Any:
    from sklearn.ensemble import ExtraTreesRegressor

    return ExtraTreesRegressor(n_estimators=20, random_state=0, **c)


def _classifier(c: Config) -> Any:
    from sklearn.linear_model import SGDClassifier
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC
    from sklearn.tree import DecisionTreeClassifier

    own = {k.split("_", 1)[1]: v for k, v in c.items() if k != "model"}
    kinds = {"svm": SVC, "knn": KNeighborsClassifier, "tree": DecisionTreeClassifier, "linear": SGDClassifier}
    fixed = {"random_state": 0} if c["model"] in ("tree", "linear") else {}
    return kinds[c["model"]](**own, **fixed)


def _mlp(c: Config) -> Any:
    from sklearn.neural_network import MLPClassifier

    widths = [c[f"width{i}"] for i in range(1, c["layers"] + 1)]
    own = {k: v for k, v in c.items() if k != "layers" and not k.startswith("width")}
    return MLPClassifier([int(w) for w in widths], max_iter=15, random_state=0, **own)


def _boosting(c: Config) -> Any:
    from sklearn.ensemble import GradientBoostingRegressor

    return GradientBoostingRegressor(random_state=0, **c)


def _svr(c: Config) -> Any:
    from sklearn.svm import SVR

    return SVR(**c, max_iter=20_000)


def _linear(c: Config) -> Any:
    from sklearn.linear_model import SGDClassifier

    return SGDClassifier(random_state=0, max_iter=100, **c)


def _tree(c: Config) -> Any:
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(random_state=0, **c)


def scikit_learn() -> Iterator[Task]:
    svc = {
        "C": log(1e-3, 1e4),
        "gamma": log(1e-5, 10),
        "kernel": choice("rbf", "poly", "sigmoid"),
        "degree": integer(2, 6, kernel=["poly"]),
        "coef0": uniform(-1, 1, kernel=["poly", "sigmoid"]),
    }
    yield Task("svc-wine", "scikit-learn", svc, partial(fit, _svc, "wine"))
    yield Task("svc-cancer", "scikit-learn", svc, partial(fit, _svc, "breast_cancer"))
    forest = {
        "max_depth": integer(1, 20),
        "min_samples_split": integer(2, 40),
        "min_samples_leaf": integer(1, 20),
        "max_features": uniform(0.05, 1),
        "ccp_alpha": log(1e-4, 100),
    }
    yield Task("trees-diabetes", "scikit-learn", forest, partial(fit, _forest, "diabetes"))
    models = {
        "model": choice("svm", "knn", "tree", "linear"),
        "svm_C": log(1e-3, 1e4, model=["svm"]),
        "svm_gamma": log(1e-5, 10, model=["svm"]),
        "knn_n_neighbors": integer(1, 40, model=["knn"]),
        "knn_p": uniform(1, 3, model=["knn"]),
        "tree_max_depth": integer(1, 20, model=["tree"]),
        "tree_min_samples_leaf": integer(1, 20, model=["tree"]),
        "linear_alpha": log(1e-6, 1, model=["linear"]),
        "linear_l1_ratio": uniform(0, 1, model=["linear"]),
    }
    yield Task("models-cancer", "scikit-learn", models, partial(fit, _classifier, "breast_cancer"))
    svr = {
        "C": log(1e-3, 1e4),
        "epsilon": log(1e-3, 100),
        "kernel": choice("rbf", "linear", "sigmoid"),
        "gamma": log(1e-5, 10, kernel=["rbf", "sigmoid"]),
        "coef0": uniform(-1, 1, kernel=["sigmoid"]),
    }
    yield Task("svr-diabetes", "scikit-learn", svr, partial(fit, _svr, "diabetes"))
    mlp = {
        "layers": integer(1, 4),
        **{f"width{i}": integer(2, 33, layers=list(range(i, 4))) for i in range(1, 4)},
        "activation": choice("relu", "tanh", "logistic"),
        "alpha": log(1e-6, 10),
        "learning_rate_init": log(1e-5, 1),
        "batch_size": choice(16, 32, 64, 128),
        "beta_1": uniform(0, 0.99),
    }
    yield Task("mlp-wine", "scikit-learn", mlp, partial(fit, _mlp, "wine"))
    boosting = {
        "n_estimators": integer(5, 50),
        "learning_rate": log(1e-3, 1),
        "max_depth": integer(1, 6),
        "min_samples_leaf": integer(1, 50),
        "subsample": uniform(0.2, 1),
        "max_features": uniform(0.1, 1),
    }
    yield Task("boosting-diabetes", "scikit-learn", boosting, partial(fit, _boosting, "diabetes"))
    linear = {
        "loss": choice("hinge", "log_loss", "modified_huber", "squared_hinge"),
        "penalty": choice("l1", "l2", "elasticnet"),
        "l1_ratio": uniform(0, 1, penalty=["elasticnet"]),
        "alpha": log(1e-7, 1),
        "learning_rate": choice("optimal", "invscaling", "constant"),
        "eta0": log(1e-4, 1, learning_rate=["invscaling", "constant"]),
        "power_t": uniform(0.1, 0.9, learning_rate=["invscaling"]),
    }
    yield Task("linear-cancer", "scikit-learn", linear, partial(fit, _linear, "breast_cancer"))
    tree = {
        "criterion": choice("gini", "entropy"),
        "max_depth": integer(1, 30),
        "min_samples_split": integer(2, 100),
        "min_samples_leaf": integer(1, 50),
        "max_features": uniform(0.05, 1),
        "ccp_alpha": log(1e-5, 1e-1),
    }
    yield Task("tree-digits", "scikit-learn", tree, partial(fit, _tree, "digits"))


# ---------------------------------------------------------------------------------------------------
# YAHPO Gym


@cache
def _session(folder: Path) -> tuple[Any, dict[str, Any]]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options)
    return session, json.loads((folder / "encoding.json").read_text())


# The inputs of each model in its own order, and where the accuracy stands among its outputs.
_INPUTS = {
    "lcbench": (
        ("OpenML_task_id",),
        (
            *("epoch", "batch_size", "learning_rate", "momentum"),
            *("weight_decay", "num_layers", "max_units", "max_dropout"),
        ),
        1,
    ),
    "rbv2_rpart": (
        ("task_id", "num.impute.selected.cpo"),
        ("cp", "maxdepth", "minbucket", "minsplit", "trainsize", "repl"),
        0,
    ),
}


def _surrogate(folder: Path, fixed: Config, seed: int) -> Loss:
    names, numbers, accuracy = _INPUTS[folder.name]

    def loss(config: Config) -> float:
        session, encoding = _session(folder)
        full = {**fixed, **config}
        cat = np.array([[encoding[name][full[name]] for name in names]], np.int32)
        cont = np.array([[full[name] for name in numbers]], np.float32)
        return -float(session.run(None, {"x_cat": cat, "x_cont": cont})[0][0, accuracy])

    return loss


LCBENCH = {
    "batch_size": {"_type": "qloguniform", "_value": [16, 512, 1]},
    "learning_rate": log(1e-4, 1e-1),
    "max_dropout": uniform(0, 1),
    "max_units": {"_type": "qloguniform", "_value": [64, 1024, 1]},
    "momentum": uniform(0.1, 0.99),
    "num_layers": integer(1, 6),
    "weight_decay": uniform(1e-5, 1e-1),
}
RPART = {
    "cp": log(math.exp(-7), 1),
    "maxdepth": integer(1, 31),
    "minbucket": integer(1, 101),
    "minsplit": integer(1, 101),
    "num.impute.selected.cpo": choice("impute.mean", "impute.median", "impute.hist"),
}


def surrogates(folder: Path, lcbench: Iterable[str], rpart: Iterable[str]) -> Iterator[Task]:
    """Yield the tasks of these data sets."""
    for task in lcbench:
        fixed = {"OpenML_task_id": task, "epoch": 52}
        yield Task(f"lcbench-{task}", "yahpo", LCBENCH, partial(_surrogate, folder / "lcbench", fixed))
    for task in rpart:
        fixed = {"task_id": task, "trainsize": 1.0, "repl": 10}
        yield Task(f"rpart-{task}", "yahpo", RPART, partial(_surrogate, folder / "rbv2_rpart", fixed))


_LCBENCH = ("3945", "34539", "126026", "167152", "189354")
_RPART = ("41138", "1111", "40975", "1480")


def all_tasks(data: Path | None) -> list[Task]:
    """Return every task; the surrogates where their folder is given."""
    found = [*functions(), *conditional(), *scikit_learn()]
    return found + (list(surrogates(data, _LCBENCH, _RPART)) if data else [])
