class Encoder:
    def __init__(self, dropout=0.1):  # hpo: uniform(0, 1)
        self.dropout = dropout


class Decoder:
    def __init__(self, dropout=0.2):  # hpo: uniform(0, 1)
        self.dropout = dropout


def first():
    rate = 1  # hpo: choice(1, 2)
    return rate


def second():
    rate = 1  # hpo: choice(1, 3)
    return rate


m1 = dict(C=1)  # hpo: C=uniform(0, 9)
m2 = dict(C=2)  # hpo: C=uniform(0, 9)
shared = 4  # hpo: randint(1, 9, name=n)
again = 4  # hpo: randint(1, 9, name=n)
tag = 1  # hpo: choice(1, 2, name="two words")
path = 1  # hpo: choice(1, 2, name=net.act)
BASE = 2
power = 8  # hpo: randint(BASE**2, BASE * 50 // 2)
print(Encoder().dropout, Decoder().dropout, first(), second(), m1, m2, shared, again, tag, path, power)
