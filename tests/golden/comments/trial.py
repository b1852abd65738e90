def fit(x, *, lr=(__import__("hpo").trial.value("lr") if __import__("hpo").trial.given("lr") else __import__("hpo").trial.own("lr", 0.01)),           # hpo; loguniform(1e-5, 1e-1)
        momentum=(__import__("hpo").trial.value("momentum") if __import__("hpo").trial.given("momentum") else __import__("hpo").trial.own("momentum", 0.9))):           # hpo; uniform(0, 0.99)
    return x, lr, momentum


clf = dict(
    C=(__import__("hpo").trial.value("C") if __import__("hpo").trial.given("C") else __import__("hpo").trial.own("C", 1.0)),          # hpo; loguniform(1e-3, 1e3)
    kernel=(__import__("hpo").trial.value("kernel") if __import__("hpo").trial.given("kernel") else __import__("hpo").trial.own("kernel", "rbf")),   # hpo; choice("linear", "rbf", "poly")
)
config = {"depth": (__import__("hpo").trial.value("depth") if __import__("hpo").trial.given("depth") else __import__("hpo").trial.own("depth", 3))}            # hpo; randint(1, 12)
pair = dict(a=(__import__("hpo").trial.value("a") if __import__("hpo").trial.given("a") else __import__("hpo").trial.own("a", 1)), b=(__import__("hpo").trial.value("b") if __import__("hpo").trial.given("b") else __import__("hpo").trial.own("b", 2)))            # hpo; a=choice(1, 2), b=uniform(0, 4)
# hpo; qlognormal(0, 1, 0.5)

width = (__import__("hpo").trial.value("width") if __import__("hpo").trial.given("width") else __import__("hpo").trial.own("width", 1.5))
typed: int = (__import__("hpo").trial.value("typed") if __import__("hpo").trial.given("typed") else __import__("hpo").trial.own("typed", 4))  # type: ignore  # hpo; choice(4, 8)  # noqa
print(
    (__import__("hpo").trial.value("first") if __import__("hpo").trial.given("first") else __import__("hpo").trial.own("first", 7)),  # hpo; choice(7, 8, name=first)
    fit(0), clf, config, pair, width, typed,
)
__import__("hpo").trial.report_final_result(width)
