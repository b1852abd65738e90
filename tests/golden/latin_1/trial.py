# -*- coding: latin-1 -*-
name = (__import__("hpo").trial.value("größe") if __import__("hpo").trial.given("größe") else __import__("hpo").trial.own("größe", "é"))  # hpo; choice("é", "ü", name="größe")
other = (__import__("hpo").trial.value("other") if __import__("hpo").trial.given("other") else __import__("hpo").trial.own("other", "\u20ac"))  # hpo; choice("\u20ac", "a")
print(len(name), len(other))  # façon
