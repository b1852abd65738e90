from typing import Annotated

import hpo

COLUMNS = ["age", "fare", "sex"]
DEPTHS = (1, 2, 4)


def scale(x):
    return x / 2


def shift(x):
    return x + 1


features = ["age", "sex"]  # hpo: subset(["age", "fare", "sex"], min=1)
'''@hpo.permutation(["a", "b", "c"])'''
order = ["b", "a", "c"]
some = COLUMNS  # hpo: subset(COLUMNS, min=2)
steps = [scale, shift]  # hpo: permutation([scale, shift])
kept = [scale]  # hpo: subset([scale, shift, abs], max=2)
pair = (1, 2)  # hpo: subset(DEPTHS, min=2, max=2)
group = {"x"}  # hpo: subset(["x", "y"])
wide = [
    "age",  # in years
    "fare",
]  # hpo: subset(["age", "fare", "sex"])
inline = hpo.subset(["u", "v"], default=["v"])
plain = hpo.permutation(["p", "q"])
unknown = sorted(COLUMNS)  # hpo: permutation(COLUMNS)


@hpo.param(chosen=hpo.subset([None, True, 1], max=2))
def train(chosen=(None, 1), last: Annotated[list, hpo.permutation([3, 2, 1])] = [1, 2, 3]):
    return chosen, last


# hpo: constraint(len(features) <= 2)
x = 3.0
for step in steps + kept:
    x = step(x)
print(features, order, some, x, len(kept), pair, sorted(group), wide, inline, plain, unknown, train())
