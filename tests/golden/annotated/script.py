from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from typing import Annotated

import hpo as h

Rate = Annotated[float, h.uniform(0, 1)]

lr: Annotated[float, h.loguniform(1e-5, 1e-1)] = 0.01


def fit(a: Rate = 0.1, b: "Rate" = 0.2, c: t.Optional[t.Annotated[int, "unit", h.randint(1, 9)]] = 3):
    return a, b, c


@dataclass
class Model:
    width: Annotated[int, h.choice(16, 32)] = 16
    drop: Annotated[float, h.uniform(0, 0.5)] = field(default=0.25)
    layers: Annotated[
        int,
        h.randint(
            1, 5),
    ] | None = 2


print(lr, fit(), Model())
