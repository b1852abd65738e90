"""What practice knows of hyperparameters by their names: what one searches around today's value."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["domain_of", "is_ambiguous"]

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
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _rules(*pairs: tuple[str, _Rule]) -> dict[str, _Rule]:
    return {name: rule for names, rule in pairs for name in names.split()}


# Names that mean one thing wherever they stand.
_PLAIN: Mapping[str, _Rule] = _rules(
    ("lr learning_rate base_lr max_lr init_lr lr0 learning_rate_init eta0", _decades(2, 2, 0)),
    ("weight_decay l2_reg l1_reg reg_alpha reg_lambda lambda_l1 lambda_l2", _decay),
    ("dropout dropout_rate dropout_p drop_rate attention_dropout hidden_dropout", _fraction(0.0, 0.8)),
    ("momentum", _fraction(0.0, 0.99)),
    ("subsample colsample_bytree colsample_bylevel bagging_fraction feature_fraction", _fraction(0.4, 1.0)),
    ("label_smoothing warmup_ratio", _fraction(0.0, 0.3)),
    ("n_estimators num_boost_round num_round", _count(10)),
    ("max_depth num_leaves max_leaf_nodes", _count(2)),
    ("min_samples_split", _count(2)),
    ("min_samples_leaf min_child_samples min_data_in_leaf min_child_weight n_neighbors", _count(1)),
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
    ("gamma", _decades(3, 2)),
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
    ("booster", _one_of("gbtree", "dart")),
    ("boosting_type", _one_of("gbdt", "dart")),
    ("bootstrap fit_intercept", _one_of(True, False)),
)


def is_ambiguous(name: str) -> bool:
    """Tell whether a name is a hyperparameter's only in a constructor of a learning library."""
    return name not in _PLAIN and name in _IN_LIBRARIES


def domain_of(name: str, value: Any) -> str | None:
    """Return the domain to search of a hyperparameter, as a mark has it; None where none is known."""
    rule = _PLAIN.get(name.lower()) or _IN_LIBRARIES.get(name)
    return None if rule is None else rule(value)
