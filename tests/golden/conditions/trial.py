import sys

optimizer = (__import__("hpo").trial.value("optimizer") if __import__("hpo").trial.given("optimizer") else __import__("hpo").trial.own("optimizer", "sgd"))  # hpo; choice("sgd", "adam", "lion")
layers = (__import__("hpo").trial.value("layers") if __import__("hpo").trial.given("layers") else __import__("hpo").trial.own("layers", 2))  # hpo; randint(1, 5)
if optimizer == "sgd":
    momentum = (__import__("hpo").trial.value("momentum") if __import__("hpo").trial.given("momentum") else __import__("hpo").trial.own("momentum", 0.9))  # hpo; uniform(0, 1)
    if momentum and len(sys.argv) > 99:
        extra = (__import__("hpo").trial.value("extra") if __import__("hpo").trial.given("extra") else __import__("hpo").trial.own("extra", 1))  # hpo; choice(1, 2)
elif optimizer == "adam":
    beta = (__import__("hpo").trial.value("beta") if __import__("hpo").trial.given("beta") else __import__("hpo").trial.own("beta", 0.99))  # hpo; uniform(0.9, 1)
else:
    decay = (__import__("hpo").trial.value("decay") if __import__("hpo").trial.given("decay") else __import__("hpo").trial.own("decay", 0.1))  # hpo; uniform(0, 1)
if layers > 2 and optimizer != "lion":
    hidden = (__import__("hpo").trial.value("hidden") if __import__("hpo").trial.given("hidden") else __import__("hpo").trial.own("hidden", 8))  # hpo; choice(8, 16)
if 1 < layers <= 3 or sys.flags.optimize:
    either = (__import__("hpo").trial.value("either") if __import__("hpo").trial.given("either") else __import__("hpo").trial.own("either", 1))  # hpo; choice(1, 2)
if not (optimizer in ("sgd", "lion")):
    eps = (__import__("hpo").trial.value("eps") if __import__("hpo").trial.given("eps") else __import__("hpo").trial.own("eps", 1e-8))  # hpo; loguniform(1e-9, 1e-7)
if layers == 1 or 3 / (layers - 1) > 1:
    guarded = (__import__("hpo").trial.value("guarded") if __import__("hpo").trial.given("guarded") else __import__("hpo").trial.own("guarded", 1))  # hpo; choice(1, 2)
if optimizer == ("sgd" or "adam"):
    first = (__import__("hpo").trial.value("first") if __import__("hpo").trial.given("first") else __import__("hpo").trial.own("first", 1))  # hpo; choice(1, 2)
if {optimizer, "sgd"} == {"sgd"}:
    alone = (__import__("hpo").trial.value("alone") if __import__("hpo").trial.given("alone") else __import__("hpo").trial.own("alone", 1))  # hpo; choice(1, 2)
match optimizer:
    case "sgd" | "adam":
        both = (__import__("hpo").trial.value("both") if __import__("hpo").trial.given("both") else __import__("hpo").trial.own("both", 1))  # hpo; choice(1, 2)
    case _:
        other = (__import__("hpo").trial.value("other") if __import__("hpo").trial.given("other") else __import__("hpo").trial.own("other", 1))  # hpo; choice(1, 2)


def train(verbose=False):
    if verbose:
        return None
    if optimizer == "sgd":
        nesterov = (__import__("hpo").trial.value("nesterov") if __import__("hpo").trial.given("nesterov") else __import__("hpo").trial.own("nesterov", True))  # hpo; choice(True, False)
        return nesterov
    return None


print(optimizer, layers, train())
