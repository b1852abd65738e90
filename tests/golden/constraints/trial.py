"""Values that hang together: what a constraint rules out is not proposed."""

MEMORY = 512

batch_size = (__import__("hpo").trial.value("batch_size") if __import__("hpo").trial.given("batch_size") else __import__("hpo").trial.own("batch_size", 32))  # hpo; choice(16, 32, 64, 256)
accumulate = (__import__("hpo").trial.value("accumulate") if __import__("hpo").trial.given("accumulate") else __import__("hpo").trial.own("accumulate", 4))  # hpo; randint(1, 17)
'''#hpo.constraint(batch_size * accumulate <= MEMORY)'''


def schedule():
    # hpo; constraint(warmup < cooldown)
    warmup = (__import__("hpo").trial.value("warmup") if __import__("hpo").trial.given("warmup") else __import__("hpo").trial.own("warmup", 0.1))  # hpo; uniform(0, 1)
    cooldown = (__import__("hpo").trial.value("cooldown") if __import__("hpo").trial.given("cooldown") else __import__("hpo").trial.own("cooldown", 0.9))  # hpo; uniform(0, 1)
    return warmup, cooldown


class Model:
    """It has a name of its own for its width."""

    '''#hpo.constraint(
        kind == "small" and width <= 64
        or kind != "small")'''
    kind = (__import__("hpo").trial.value("kind") if __import__("hpo").trial.given("kind") else __import__("hpo").trial.own("kind", "small"))  # hpo; choice("small", "large")
    width = (__import__("hpo").trial.value("Model.width") if __import__("hpo").trial.given("Model.width") else __import__("hpo").trial.own("Model.width", 32))  # hpo; choice(32, 64, 128, name="Model.width")


print(batch_size * accumulate, schedule(), Model.kind, Model.width)
