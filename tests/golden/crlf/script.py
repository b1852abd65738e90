x = 1  # hpo: choice(1, 2)
'''@hpo.choice(
    3, 4)'''
y = (
    3
)
s = """a
b"""  # kept
print(x, y, s)
