# -*- coding: latin-1 -*-
name = "é"  # hpo: choice("é", "ü", name="größe")
other = "\u20ac"  # hpo: choice("\u20ac", "a")
print(len(name), len(other))  # façon
