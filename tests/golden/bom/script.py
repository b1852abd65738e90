# é
x = "ü"  # hpo: choice("ü", "é")
print(len(x))
