class Model:
    """The docstring."""

    base = 2
    '''@hpo.choice(base * 10, base * 20)'''
    size = base * 10
    __hidden = 3  # hpo: choice(3, 4)

    def __init__(self, __rate=0.5):  # hpo: uniform(0, 1)
        self.rate = __rate
        self.__depth = 4  # hpo: randint(1, 9)

    class Inner:
        step = 1  # hpo: choice(1, 2)

    def all(self):
        return self.size, self.__hidden, self.rate, self.__depth, self.Inner.step


print(Model().all(), Model.__doc__)
