x = 1

y = (__import__("hpo").trial.value("y") if __import__("hpo").trial.given("y") else __import__("hpo").trial.own("y", 2))  # hpo; choice(2, 3)
z = (__import__("hpo").trial.value("z") if __import__("hpo").trial.given("z") else __import__("hpo").trial.own("z", 3))  # hpo; choice(3, 4)

if x:
    
    w = (__import__("hpo").trial.value("w") if __import__("hpo").trial.given("w") else __import__("hpo").trial.own("w", 4))  # hpo; choice(4, 5)
print(x, y, z, w)
