class Encoder:
    def __init__(self, dropout=(__import__("hpo").trial.value("Encoder.dropout") if __import__("hpo").trial.given("Encoder.dropout") else __import__("hpo").trial.own("Encoder.dropout", 0.1))):  # hpo; uniform(0, 1)
        self.dropout = dropout


class Decoder:
    def __init__(self, dropout=(__import__("hpo").trial.value("Decoder.dropout") if __import__("hpo").trial.given("Decoder.dropout") else __import__("hpo").trial.own("Decoder.dropout", 0.2))):  # hpo; uniform(0, 1)
        self.dropout = dropout


def first():
    rate = (__import__("hpo").trial.value("first.rate") if __import__("hpo").trial.given("first.rate") else __import__("hpo").trial.own("first.rate", 1))  # hpo; choice(1, 2)
    return rate


def second():
    rate = (__import__("hpo").trial.value("second.rate") if __import__("hpo").trial.given("second.rate") else __import__("hpo").trial.own("second.rate", 1))  # hpo; choice(1, 3)
    return rate


m1 = dict(C=(__import__("hpo").trial.value("m1.C") if __import__("hpo").trial.given("m1.C") else __import__("hpo").trial.own("m1.C", 1)))  # hpo; C=uniform(0, 9)
m2 = dict(C=(__import__("hpo").trial.value("m2.C") if __import__("hpo").trial.given("m2.C") else __import__("hpo").trial.own("m2.C", 2)))  # hpo; C=uniform(0, 9)
shared = (__import__("hpo").trial.value("n") if __import__("hpo").trial.given("n") else __import__("hpo").trial.own("n", 4))  # hpo; randint(1, 9, name=n)
again = (__import__("hpo").trial.value("n") if __import__("hpo").trial.given("n") else __import__("hpo").trial.own("n", 4))  # hpo; randint(1, 9, name=n)
tag = (__import__("hpo").trial.value("two words") if __import__("hpo").trial.given("two words") else __import__("hpo").trial.own("two words", 1))  # hpo; choice(1, 2, name="two words")
path = (__import__("hpo").trial.value("net.act") if __import__("hpo").trial.given("net.act") else __import__("hpo").trial.own("net.act", 1))  # hpo; choice(1, 2, name=net.act)
BASE = 2
power = (__import__("hpo").trial.value("power") if __import__("hpo").trial.given("power") else __import__("hpo").trial.own("power", 8))  # hpo; randint(BASE**2, BASE * 50 // 2)
print(Encoder().dropout, Decoder().dropout, first(), second(), m1, m2, shared, again, tag, path, power)
