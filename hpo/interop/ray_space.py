"""A search space as Ray Tune's `param_space`."""

from __future__ import annotations

import json

from hpo.interop.outline import Outline, options_of
from hpo.parameters import Parameter

__all__ = ["write"]

_HEAD = '''"""The search space of {name}, for Ray Tune. Written by `hpo export --to ray`."""

import math
import random

from ray import tune


def rounded(value, q, low=-math.inf, high=math.inf):
    return min(max(round(value / q) * q, low), high)


'''

_TAIL = """

def train(values):
    values = {{name: value for name, value in values.items() if value is not None or name in OPTIONAL}}
{constraints}    raise NotImplementedError("train with these values, and tune.report({{'result': ...}})")


if __name__ == "__main__":
    settings = tune.TuneConfig(metric="result", mode={mode!r}, num_samples={trials})
    print(tune.Tuner(train, param_space=param_space, tune_config=settings).fit().get_best_result())
"""


def write(outline: Outline) -> str:
    """Return a Python module with a `param_space`; what is inactive is None there."""
    space, tests_of = outline.space, outline.conditions("spec.config")
    lines = [_HEAD.format(name=json.dumps(outline.name)[1:-1])]
    lines += [f"# {outline.alone}\n"] if outline.alone else []
    lines.append("param_space = {\n")
    for name in space.order:
        test = tests_of.get(name)
        if test is None:
            lines.append(f"    {name!r}: {_domain(name, space[name])},\n")
        else:
            drawn = _drawn(name, space[name])
            lines.append(f"    {name!r}: tune.sample_from(lambda spec: {drawn} if {test} else None),\n")
    optional = [name for name in space if None in (options_of(name, space[name]) or ())]
    lines.append(f"}}\nOPTIONAL = {set(optional) or 'set()'}  # None is one of their options\n")
    tests = [
        f"    if not ({test}):\n        return {{'result': math.nan}}  # never the best\n"
        for test in outline.constraints
    ]
    mode = {"maximize": "max", "minimize": "min"}[outline.directions[0]]
    tail = _TAIL.format(constraints="".join(tests), mode=mode, trials=outline.max_trials or 100)
    return "".join([*lines, tail])


def _domain(name: str, domain: Parameter) -> str:
    options = options_of(name, domain)
    if options is not None:
        return f"tune.choice({options!r})"
    first, second, *_ = domain.arguments
    simple = {"randint": "randint", "uniform": "uniform", "loguniform": "loguniform", "normal": "randn"}
    if domain.type in simple:
        return f"tune.{simple[domain.type]}({first!r}, {second!r})"
    return f"tune.sample_from(lambda _: {_drawn(name, domain)})"


def _drawn(name: str, domain: Parameter) -> str:
    """Return an expression that draws a value, for what Ray has no domain for, or is conditional."""
    options = options_of(name, domain)
    if options is not None:
        return f"random.choice({options!r})"
    first, second, *q = domain.arguments
    drawn = {
        "randint": f"random.randrange({first!r}, {second!r})",
        "uniform": f"random.uniform({first!r}, {second!r})",
        "loguniform": f"math.exp(random.uniform(math.log({first!r}), math.log({second!r})))",
        "normal": f"random.gauss({first!r}, {second!r})",
        "lognormal": f"random.lognormvariate({first!r}, {second!r})",
    }
    plain = drawn[domain.type.removeprefix("q")]
    if not q:
        return plain
    bounds = f", {first!r}, {second!r}" if "uniform" in domain.type else ""
    return f"rounded({plain}, {q[0]!r}{bounds})"
