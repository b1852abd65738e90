import hpo
from hpo import choice as pick

lr = hpo.loguniform(1e-5, 1e-1, default=0.01)
size = pick(16, 32)
depth = 2 * hpo.randint(1, 9, default=3, name="half_depth")
shape = [pick("a", "b", name="letter", default="b") for _ in range(2)]
function = hpo.choice(
    len,
    str,
    default=
        len,
)
width = hpo.uniform(
    0, 1,
)
print(lr, size, depth, shape, function("four"), width)
