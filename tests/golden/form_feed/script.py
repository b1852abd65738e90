x = 1

y = 2  # hpo: choice(2, 3)
z = 3  # hpo: choice(3, 4)

if x:
    
    w = 4  # hpo: choice(4, 5)
print(x, y, z, w)
