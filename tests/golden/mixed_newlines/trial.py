x = (__import__("hpo").trial.value("x") if __import__("hpo").trial.given("x") else __import__("hpo").trial.own("x", 1))  # hpo; choice(1, 2)
y = 2z = (__import__("hpo").trial.value("z") if __import__("hpo").trial.given("z") else __import__("hpo").trial.own("z", 3))  # hpo; choice(3, 4)
print(x, y, z)
