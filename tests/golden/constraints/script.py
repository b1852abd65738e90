"""Values that hang together: what a constraint rules out is not proposed."""

MEMORY = 512

batch_size = 32  # hpo: choice(16, 32, 64, 256)
accumulate = 4  # hpo: randint(1, 17)
'''@hpo.constraint(batch_size * accumulate <= MEMORY)'''


def schedule():
    # hpo: constraint(warmup < cooldown)
    warmup = 0.1  # hpo: uniform(0, 1)
    cooldown = 0.9  # hpo: uniform(0, 1)
    return warmup, cooldown


class Model:
    """It has a name of its own for its width."""

    '''@hpo.constraint(
        kind == "small" and width <= 64
        or kind != "small")'''
    kind = "small"  # hpo: choice("small", "large")
    width = 32  # hpo: choice(32, 64, 128, name="Model.width")


print(batch_size * accumulate, schedule(), Model.kind, Model.width)
