# -*- coding: latin-1 -*-
name = "é"  # hpo: choice("é", "ü", name="größe")
other = "\u20ac"  # hpo: choice("\u20ac", "a")
print(len(name), len(other))  # façon
'''@hpo.choice("\u20ac", "é", "x")'''
escaped = "x"
mixed = "x"  # hpo: choice("x", "\U0001F600", "é".upper())
print(ascii(escaped), ascii(mixed))
