# é
x = (__import__("hpo").trial.value("x") if __import__("hpo").trial.given("x") else __import__("hpo").trial.own("x", "ü"))  # hpo; choice("ü", "é")
print(len(x))
