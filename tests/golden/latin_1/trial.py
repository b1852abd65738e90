# -*- coding: latin-1 -*-
name = (__import__("hpo").trial.value("größe") if __import__("hpo").trial.given("größe") else __import__("hpo").trial.own("größe", "é"))  # hpo; choice("é", "ü", name="größe")
other = (__import__("hpo").trial.value("other") if __import__("hpo").trial.given("other") else __import__("hpo").trial.own("other", "\u20ac"))  # hpo; choice("\u20ac", "a")
print(len(name), len(other))  # façon
'''#hpo.choice("\u20ac", "é", "x")'''
escaped = (__import__("hpo").trial.value("escaped") if __import__("hpo").trial.given("escaped") else __import__("hpo").trial.own("escaped", "x"))
mixed = (("x") if __import__("hpo").trial.picked("mixed", "x") else ("\U0001F600") if __import__("hpo").trial.picked("mixed", "\U0001f600") else ("é".upper()) if __import__("hpo").trial.picked("mixed", "\"é\".upper()") else __import__("hpo").trial.own("mixed", "x"))  # hpo; choice("x", "\U0001F600", "é".upper())
print(ascii(escaped), ascii(mixed))
