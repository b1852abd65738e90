print(1)
x = 1  # hpo: choice(1, 2)