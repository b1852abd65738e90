class Model:
    """The docstring."""

    base = 2
    '''#hpo.choice(base * 10, base * 20)'''
    size = ((base * 10) if __import__("hpo").trial.picked("size", "base * 10") else (base * 20) if __import__("hpo").trial.picked("size", "base * 20") else __import__("hpo").trial.own("size", (base * 10)))
    __hidden = (__import__("hpo").trial.value("__hidden") if __import__("hpo").trial.given("__hidden") else __import__("hpo").trial.own("__hidden", 3))  # hpo; choice(3, 4)

    def __init__(self, __rate=(__import__("hpo").trial.value("__rate") if __import__("hpo").trial.given("__rate") else __import__("hpo").trial.own("__rate", 0.5))):  # hpo; uniform(0, 1)
        self.rate = __rate
        self.__depth = (__import__("hpo").trial.value("__depth") if __import__("hpo").trial.given("__depth") else __import__("hpo").trial.own("__depth", 4))  # hpo; randint(1, 9)

    class Inner:
        step = (__import__("hpo").trial.value("step") if __import__("hpo").trial.given("step") else __import__("hpo").trial.own("step", 1))  # hpo; choice(1, 2)

    def all(self):
        return self.size, self.__hidden, self.rate, self.__depth, self.Inner.step


print(Model().all(), Model.__doc__)
