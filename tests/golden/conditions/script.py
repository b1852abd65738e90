import sys

optimizer = "sgd"  # hpo: choice("sgd", "adam", "lion")
layers = 2  # hpo: randint(1, 5)
if optimizer == "sgd":
    momentum = 0.9  # hpo: uniform(0, 1)
    if momentum and len(sys.argv) > 99:
        extra = 1  # hpo: choice(1, 2)
elif optimizer == "adam":
    beta = 0.99  # hpo: uniform(0.9, 1)
else:
    decay = 0.1  # hpo: uniform(0, 1)
if layers > 2 and optimizer != "lion":
    hidden = 8  # hpo: choice(8, 16)
if 1 < layers <= 3 or sys.flags.optimize:
    either = 1  # hpo: choice(1, 2)
if not (optimizer in ("sgd", "lion")):
    eps = 1e-8  # hpo: loguniform(1e-9, 1e-7)
if layers == 1 or 3 / (layers - 1) > 1:
    guarded = 1  # hpo: choice(1, 2)
if optimizer == ("sgd" or "adam"):
    first = 1  # hpo: choice(1, 2)
if {optimizer, "sgd"} == {"sgd"}:
    alone = 1  # hpo: choice(1, 2)
match optimizer:
    case "sgd" | "adam":
        both = 1  # hpo: choice(1, 2)
    case _:
        other = 1  # hpo: choice(1, 2)


def train(verbose=False):
    if verbose:
        return None
    if optimizer == "sgd":
        nesterov = True  # hpo: choice(True, False)
        return nesterov
    return None


print(optimizer, layers, train())
