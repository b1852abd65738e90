from typing import Annotated

import hpo

COLUMNS = ["age", "fare", "sex"]
DEPTHS = (1, 2, 4)


def scale(x):
    return x / 2


def shift(x):
    return x + 1


features = (__import__("hpo").trial.value("features") if __import__("hpo").trial.given("features") else __import__("hpo").trial.own_list("features", ["age", "sex"]))  # hpo; subset(["age", "fare", "sex"], min=1)
'''#hpo.permutation(["a", "b", "c"])'''
order = (__import__("hpo").trial.value("order") if __import__("hpo").trial.given("order") else __import__("hpo").trial.own_list("order", ["b", "a", "c"]))
some = (__import__("hpo").trial.value("some") if __import__("hpo").trial.given("some") else __import__("hpo").trial.own_list("some", COLUMNS))  # hpo; subset(COLUMNS, min=2)
steps = (__import__("hpo").trial.ordered("steps", ["scale", "shift"], [(scale), (shift)]) if __import__("hpo").trial.given("steps") else __import__("hpo").trial.own_list("steps", [scale, shift]))  # hpo; permutation([scale, shift])
kept = ([*([scale] if __import__("hpo").trial.has("kept", "scale") else []), *([shift] if __import__("hpo").trial.has("kept", "shift") else []), *([abs] if __import__("hpo").trial.has("kept", "abs") else [])] if __import__("hpo").trial.given("kept") else __import__("hpo").trial.own_list("kept", [scale]))  # hpo; subset([scale, shift, abs], max=2)
pair = ((*__import__("hpo").trial.value("pair"),) if __import__("hpo").trial.given("pair") else __import__("hpo").trial.own_list("pair", ((1, 2))))  # hpo; subset(DEPTHS, min=2, max=2)
group = ({*__import__("hpo").trial.value("group")} if __import__("hpo").trial.given("group") else __import__("hpo").trial.own_list("group", ({"x"})))  # hpo; subset(["x", "y"])
wide = (__import__("hpo").trial.value("wide") if __import__("hpo").trial.given("wide") else __import__("hpo").trial.own_list("wide", ([
    "age",  # in years
    "fare",
])))  # hpo; subset(["age", "fare", "sex"])
inline = (__import__("hpo").trial.value("inline") if __import__("hpo").trial.given("inline") else __import__("hpo").trial.own_list("inline", ["v"]))
plain = (__import__("hpo").trial.value("plain") if __import__("hpo").trial.given("plain") else __import__("hpo").trial.own_list("plain", ["p", "q"]))
unknown = (__import__("hpo").trial.value("unknown") if __import__("hpo").trial.given("unknown") else __import__("hpo").trial.own_list("unknown", sorted(COLUMNS)))  # hpo; permutation(COLUMNS)


@__import__("hpo").param()
def train(chosen=((*__import__("hpo").trial.value("chosen"),) if __import__("hpo").trial.given("chosen") else __import__("hpo").trial.own_list("chosen", ((None, 1)))), last: Annotated[list, "hpo.permutation([3, 2, 1])"] = (__import__("hpo").trial.value("last") if __import__("hpo").trial.given("last") else __import__("hpo").trial.own_list("last", [1, 2, 3]))):
    return chosen, last


# hpo; constraint(len(features) <= 2)
x = 3.0
for step in steps + kept:
    x = step(x)
print(features, order, some, x, len(kept), pair, sorted(group), wide, inline, plain, unknown, train())
