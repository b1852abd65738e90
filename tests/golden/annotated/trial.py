from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from typing import Annotated

import hpo as h

Rate = Annotated[float, "h.uniform(0, 1)"]

lr: Annotated[float, "h.loguniform(1e-5, 1e-1)"] = (__import__("hpo").trial.value("lr") if __import__("hpo").trial.given("lr") else __import__("hpo").trial.own("lr", 0.01))


def fit(a: Rate = (__import__("hpo").trial.value("a") if __import__("hpo").trial.given("a") else __import__("hpo").trial.own("a", 0.1)), b: "Rate" = (__import__("hpo").trial.value("b") if __import__("hpo").trial.given("b") else __import__("hpo").trial.own("b", 0.2)), c: t.Optional[t.Annotated[int, "unit", "h.randint(1, 9)"]] = (__import__("hpo").trial.value("c") if __import__("hpo").trial.given("c") else __import__("hpo").trial.own("c", 3))):
    return a, b, c


@dataclass
class Model:
    width: Annotated[int, "h.choice(16, 32)"] = (__import__("hpo").trial.value("width") if __import__("hpo").trial.given("width") else __import__("hpo").trial.own("width", 16))
    drop: Annotated[float, "h.uniform(0, 0.5)"] = field(default=(__import__("hpo").trial.value("drop") if __import__("hpo").trial.given("drop") else __import__("hpo").trial.own("drop", 0.25)))
    layers: Annotated[
        int,
        "h.randint( 1, 5)"
,
    ] | None = (__import__("hpo").trial.value("layers") if __import__("hpo").trial.given("layers") else __import__("hpo").trial.own("layers", 2))


print(lr, fit(), Model())
