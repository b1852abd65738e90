import functools
from dataclasses import dataclass, field
from typing import overload

import hpo
from hpo import param as tune, uniform


@__import__("hpo").param()
@__import__("hpo").param()
def train(lr=(__import__("hpo").trial.value("lr") if __import__("hpo").trial.given("lr") else __import__("hpo").trial.own("lr", 0.01)), batch_size=(__import__("hpo").trial.value("batch_size") if __import__("hpo").trial.given("batch_size") else __import__("hpo").trial.own("batch_size", 32)), *, momentum=(__import__("hpo").trial.value("momentum") if __import__("hpo").trial.given("momentum") else __import__("hpo").trial.own("momentum", 0.9))):
    return lr, batch_size, momentum


@functools.lru_cache
@__import__("hpo").param(

)
def deep(
    depth=(__import__("hpo").trial.value("depth") if __import__("hpo").trial.given("depth") else __import__("hpo").trial.own("depth", 3)),
):
    return depth


@__import__("hpo").param()
class Encoder:
    def __init__(self, dropout=(__import__("hpo").trial.value("dropout") if __import__("hpo").trial.given("dropout") else __import__("hpo").trial.own("dropout", 0.1))):
        self.dropout = dropout


@__import__("hpo").param()
@dataclass
class Above:
    size: int = (__import__("hpo").trial.value("size") if __import__("hpo").trial.given("size") else __import__("hpo").trial.own("size", 1))


@dataclass
@__import__("hpo").param()
class Below:
    rate: float = field(default=(__import__("hpo").trial.value("rate") if __import__("hpo").trial.given("rate") else __import__("hpo").trial.own("rate", 0.5)))


@overload
def f(x: int = ...) -> int: ...
@overload
def f(x: str = ...) -> str: ...
@__import__("hpo").param()
def f(x=(__import__("hpo").trial.value("x") if __import__("hpo").trial.given("x") else __import__("hpo").trial.own("x", 1))):
    return x


@__import__("hpo").param()
def count(step=(__import__("hpo").trial.value("step") if __import__("hpo").trial.given("step") else __import__("hpo").trial.own("step", 1))):
    yield step


print(train(), train(1), deep(), Encoder().dropout, Above(), Below(), f(), list(count()))
