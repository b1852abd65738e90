"""What practice knows of hyperparameters by their names: what one searches around today's value."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["choice_of", "domain_of", "may_be_chosen"]

_Rule = Callable[[Any], str | None]


def _decades(below: int, above: int, most: int = 300) -> _Rule:
    """Return a rule for positive numbers: so many powers of ten below and above, up to a highest one."""

    def rule(value: Any) -> str | None:
        if not _is_number(value) or value <= 0:
            return None
        power = math.floor(math.log10(value) + 1e-9)
        high = min(power + above, most)
        fits = value <= float(f"1e{high}")
        return f"loguniform({_power(power - below)}, {_power(high)})" if fits else None

    return rule


def _decay(value: Any) -> str | None:
    """Return a domain for a penalty, which may be off today."""
    if _is_number(value) and value == 0:
        return f"choice({value}, 1e-5, 1e-4, 1e-3, 1e-2)"
    return _decades(2, 2)(value)


def _penalty(value: Any) -> str | None:
    """Return a domain for a penalty of a booster, which may be off today."""
    if _is_number(value) and value == 0:
        return f"choice({value}, 1e-3, 1e-2, 0.1, 1, 10)"
    return _decades(3, 2)(value)


def _decayed(value: Any) -> str | None:
    """Return a domain for what a schedule multiplies by: at each epoch, or now and then."""
    return _fraction(0.8, 1.0)(value) or _fraction(0.05, 0.8)(value)


def _either(*rules: _Rule) -> _Rule:
    """Return the rule that is the first of some to know a value."""
    return lambda value: next((found for rule in rules if (found := rule(value)) is not None), None)


def _fraction(low: float, high: float) -> _Rule:
    """Return a rule for numbers between two bounds."""

    def rule(value: Any) -> str | None:
        inside = _is_number(value) and low <= value <= high
        return f"uniform({low:g}, {high:g})" if inside else None

    return rule


def _count(least: int, times: int = 4) -> _Rule:
    """Return a rule for whole numbers: from a part of today's to a multiple of it."""

    def rule(value: Any) -> str | None:
        if not _is_whole(value) or value < least:
            return None
        return f"randint({max(least, value // times)}, {max(value * times, least + times) + 1})"

    return rule


def _doublings(value: Any) -> str | None:
    """Return a domain for a size, which is usually a power of two."""
    if not _is_whole(value) or value < 1:
        return None
    sizes = dict.fromkeys(max(1, value * 2**k // 4) for k in range(5))
    return f"choice({', '.join(map(str, sizes))})"


def _one_of(*options: Any) -> _Rule:
    """Return a rule for the options of a choice, today's among them."""

    def rule(value: Any) -> str | None:
        if not any(type(o) is type(value) and o == value for o in options):
            return None
        return f"choice({', '.join(_quoted(o) for o in options)})"

    return rule


def _power(exponent: int) -> str:
    return "1" if exponent == 0 else f"1e{exponent}"


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _rules(*pairs: tuple[str, _Rule]) -> dict[str, _Rule]:
    return {name: rule for names, rule in pairs for name in names.split()}


# Names that mean one thing wherever they stand.
_PLAIN: Mapping[str, _Rule] = _rules(
    ("lr learning_rate base_lr max_lr init_lr lr0 learning_rate_init eta0", _decades(2, 2, 0)),
    ("weight_decay l2_reg l1_reg", _decay),
    ("reg_alpha reg_lambda lambda_l1 lambda_l2 l2_leaf_reg", _penalty),
    ("min_split_loss min_split_gain min_gain_to_split", _fraction(0.0, 5.0)),
    ("dropout dropout_rate dropout_p drop_rate attention_dropout hidden_dropout", _fraction(0.0, 0.8)),
    ("momentum", _fraction(0.0, 0.99)),
    (
        "subsample colsample_bytree colsample_bylevel colsample_bynode bagging_fraction feature_fraction",
        _fraction(0.4, 1.0),
    ),
    ("label_smoothing warmup_ratio", _fraction(0.0, 0.3)),
    ("n_estimators num_boost_round num_round", _count(10)),
    ("max_depth num_leaves max_leaf_nodes", _count(2)),
    ("min_samples_split", _count(2)),
    ("min_samples_leaf min_child_samples min_data_in_leaf n_neighbors", _count(1)),
    ("min_child_weight", _either(_count(1), _decades(3, 3))),
    ("num_layers n_layers num_heads n_heads", _count(1, 2)),
    ("batch_size train_batch_size per_device_train_batch_size", _doublings),
    (
        "hidden_size hidden_dim hidden_units num_hidden embedding_dim embed_dim d_model num_filters",
        _doublings,
    ),
    ("optimizer optimizer_name", _one_of("sgd", "adam", "adamw", "rmsprop")),
    ("nesterov amsgrad", _one_of(True, False)),
)
# Names that mean it in the constructors of learning libraries alone.
_IN_LIBRARIES: Mapping[str, _Rule] = _rules(
    ("C", _decades(3, 3)),
    ("gamma", _either(_decades(3, 2), _one_of("scale", "auto"))),
    ("alpha l2_regularization", _decades(3, 3)),
    ("eta", _decades(2, 2, 0)),
    ("l1_ratio", _fraction(0.0, 1.0)),
    ("p", _fraction(0.0, 0.8)),
    ("degree", _count(1, 2)),
    ("max_iter", _count(10)),
    ("n_components", _count(1)),
    ("kernel", _one_of("linear", "rbf", "poly", "sigmoid")),
    ("weights", _one_of("uniform", "distance")),
    ("activation", _one_of("relu", "tanh", "logistic")),
    ("criterion", _one_of("gini", "entropy", "log_loss")),
    ("max_features", _one_of("sqrt", "log2", None)),
    ("class_weight", _one_of(None, "balanced")),
    ("booster", _one_of("gbtree", "dart")),
    ("boosting boosting_type", _one_of("gbdt", "dart")),
    ("bootstrap fit_intercept", _one_of(True, False)),
)
# Names that mean something else in a package, or in one thing of it.
_BOOSTER = _rules(
    ("eta shrinkage_rate", _decades(2, 2, 0)),
    ("alpha lambda l1 l2", _penalty),
    ("gamma", _fraction(0.0, 5.0)),
    ("depth", _count(2)),
    ("iterations num_iterations num_trees", _count(10)),
)
_ELSEWHERE: Mapping[str, Mapping[str, _Rule]] = {
    "xgboost": _BOOSTER,
    "lightgbm": _BOOSTER,
    "catboost": _BOOSTER,
    "StepLR": _rules(("gamma", _decayed), ("step_size", _count(1))),
    "MultiStepLR": _rules(("gamma", _decayed)),
    "ExponentialLR": _rules(("gamma", _decayed)),
    "CyclicLR": _rules(("gamma", _decayed)),
    "ReduceLROnPlateau": _rules(("factor", _decayed), ("patience", _count(1))),
    "RMSprop": _rules(("alpha", _fraction(0.8, 1.0))),
}
# Words of names whose values are chosen for other reasons than how well a model learns.
_NO_CHOICES = {
    "action", "backend", "color", "command", "data", "dataset", "device", "dtype", "env", "environment",
    "format", "framework", "gpu", "language", "level", "log", "logger", "metric", "mode", "output", "phase",
    "platform", "precision", "print", "resume", "save", "seed", "split", "stage", "strategy", "subset",
    "task", "verbose", "verbosity", "version",
}  # fmt: skip


def may_be_chosen(name: str, *, is_option: bool) -> bool:
    """Tell whether a name could be a hyperparameter's, where the source lists the values that it may have."""
    known = name in _IN_LIBRARIES or name.lower() in _PLAIN
    return known or (is_option and not _NO_CHOICES.intersection(name.lower().split("_")))


def choice_of(options: Sequence[Any], value: Any) -> str | None:
    """Return the choice of some constants, where today's value is one of several."""
    listed = list(dict.fromkeys((type(option), option) for option in options))
    is_one = (type(value), value) in listed and len(listed) > 1
    return f"choice({', '.join(_quoted(option) for _, option in listed)})" if is_one else None


def domain_of(name: str, value: Any, callee: str | None) -> str | None:
    """Return the domain to search of a hyperparameter, as a mark has it; None where none is known.

    Args:
        name: what it is called.
        value: today's.
        callee: what it is an argument of, where a learning library defines that, else nothing; None where
            the name alone says enough, as that of an option of a command line does.
    """
    package, thing = (callee or "").partition(".")[0], (callee or "").rpartition(".")[2]
    rule = _ELSEWHERE.get(thing, {}).get(name) or _ELSEWHERE.get(package, {}).get(name)
    rule = rule or _PLAIN.get(name.lower())
    if rule is None and callee != "":
        rule = _IN_LIBRARIES.get(name)
    return None if rule is None else rule(value)
