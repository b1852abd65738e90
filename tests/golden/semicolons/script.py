a = 1; '''@hpo.choice(2, 3)'''; b = 2; c = 3
if a: d = 4; e = 5  # hpo: d=choice(4, 6), e=choice(5, 7)
'''@hpo.choice(6, 7)''';
f = 6;
def g(): '''@hpo.choice(8, 9)'''; h = 8; return h
print(a, b, c, d, e, f, g())
