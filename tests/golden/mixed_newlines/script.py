x = 1  # hpo: choice(1, 2)
y = 2z = 3  # hpo: choice(3, 4)
print(x, y, z)
