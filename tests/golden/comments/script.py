def fit(x, *, lr=0.01,           # hpo: loguniform(1e-5, 1e-1)
        momentum=0.9):           # hpo: uniform(0, 0.99)
    return x, lr, momentum


clf = dict(
    C=1.0,          # hpo: loguniform(1e-3, 1e3)
    kernel="rbf",   # hpo: choice("linear", "rbf", "poly")
)
config = {"depth": 3}            # hpo: randint(1, 12)
pair = dict(a=1, b=2)            # hpo: a=choice(1, 2), b=uniform(0, 4)
# hpo: qlognormal(0, 1, 0.5)

width = 1.5
typed: int = 4  # type: ignore  # hpo: choice(4, 8)  # noqa
print(
    7,  # hpo: choice(7, 8, name=first)
    fit(0), clf, config, pair, width, typed,
)
# hpo: report_final_result(width)
