a = 1; '''#hpo.choice(2, 3)'''; b = (__import__("hpo").trial.value("b") if __import__("hpo").trial.given("b") else __import__("hpo").trial.own("b", 2)); c = 3
if a: d = (__import__("hpo").trial.value("d") if __import__("hpo").trial.given("d") else __import__("hpo").trial.own("d", 4)); e = (__import__("hpo").trial.value("e") if __import__("hpo").trial.given("e") else __import__("hpo").trial.own("e", 5))  # hpo; d=choice(4, 6), e=choice(5, 7)
'''#hpo.choice(6, 7)''';
f = (__import__("hpo").trial.value("f") if __import__("hpo").trial.given("f") else __import__("hpo").trial.own("f", 6));
def g(): '''#hpo.choice(8, 9)'''; h = (__import__("hpo").trial.value("h") if __import__("hpo").trial.given("h") else __import__("hpo").trial.own("h", 8)); return h
print(a, b, c, d, e, f, g())
