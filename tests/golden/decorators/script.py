import functools
from dataclasses import dataclass, field
from typing import overload

import hpo
from hpo import param as tune, uniform


@hpo.param(lr=hpo.loguniform(1e-5, 1e-1), batch_size=hpo.choice(16, 32, 64))
@hpo.param("momentum", hpo.uniform(0, 0.99))
def train(lr=0.01, batch_size=32, *, momentum=0.9):
    return lr, batch_size, momentum


@functools.lru_cache
@hpo.param(
    depth=hpo.randint(1, 9),
)
def deep(
    depth=3,
):
    return depth


@tune(dropout=uniform(0, 1))
class Encoder:
    def __init__(self, dropout=0.1):
        self.dropout = dropout


@hpo.param(size=hpo.choice(1, 2))
@dataclass
class Above:
    size: int = 1


@dataclass
@hpo.param(rate=hpo.uniform(0, 1))
class Below:
    rate: float = field(default=0.5)


@overload
def f(x: int = ...) -> int: ...
@overload
def f(x: str = ...) -> str: ...
@hpo.param(x=hpo.choice(1, 2, name="x"))
def f(x=1):
    return x


@hpo.param(step=hpo.choice(1, 2))
def count(step=1):
    yield step


print(train(), train(1), deep(), Encoder().dropout, Above(), Below(), f(), list(count()))
